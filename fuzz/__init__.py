"""Looks for input that breaks what reads it: `README.md` says how it is run."""
