"""HTTP: the application, what all dialects share, and a package for each dialect."""
