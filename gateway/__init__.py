"""The gateway: speaks to clients, leaves Kimi and Redis to the shared library."""
