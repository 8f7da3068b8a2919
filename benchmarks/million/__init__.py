"""A million requests, and whether anything grows; see `python -m benchmarks.million`."""
