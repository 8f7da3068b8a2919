"""Real clients against the real processes; see `python -m clients --help`."""
