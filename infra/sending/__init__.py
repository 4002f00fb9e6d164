"""Sending mail and short messages, and the codes that go out with them."""
