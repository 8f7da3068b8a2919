"""A lean HTTP/1.1 client for greenlets: `kimi.http.Http` without the cost of a general one.

- `routes`: where a URL leads, and through which proxy.
- `heads`: the head of a request as bytes.
- `answers`: the bytes of an answer, taken apart.
- `dialling`: a connection to a route, by urllib3.
- `wire`: a connected socket, and how a greenlet waits for it.
- `idle`: connections that wait for their next request; `connections`: those, or new ones.
- `exchange`: one request and its answer over all of these.
- `client`: what callers hold.
"""

from gateway.http1.client import Client

__all__ = ["Client"]
