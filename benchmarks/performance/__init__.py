"""What a request and an event cost, beside other servers; see `python -m benchmarks.performance`."""
