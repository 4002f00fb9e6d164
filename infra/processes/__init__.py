"""What runs beside the requests: the supervisor, the worker and its schedules, and how tasks are ended."""
