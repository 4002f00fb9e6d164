"""What shows how the processes are: logs, metrics, traces and health."""
