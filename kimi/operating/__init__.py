"""What an operator can do and see, as functions over the pool and the upstreams; knows neither pages nor a terminal.

Every function may raise `StoreUnavailable`. Hand them a store of its own, that waits some seconds: writes that have to
be on disk take longer than a request may wait for Redis.
"""
