"""The command line. One module per group of commands; `main` puts them together."""
