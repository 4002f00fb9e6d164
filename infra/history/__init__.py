"""The books as they were: at an event or a time, and who changed what."""
