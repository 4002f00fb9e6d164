"""The companies there are: their directory, how one is begun, joined and closed."""
