"""The shared library: speaks to Kimi and to Redis, knows no web framework."""
