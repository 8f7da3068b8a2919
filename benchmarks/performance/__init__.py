"""What a request and an event cost, beside other servers under the same load; see `python -m benchmarks.performance`."""
