"""Where a worker's time goes: flame graphs, and a table by part; see `python -m benchmarks.flames`."""
