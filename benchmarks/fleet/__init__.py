"""What a fleet of gateways asks of one Redis; see `python -m benchmarks.fleet`."""
