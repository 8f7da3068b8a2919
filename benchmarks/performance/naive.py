"""A proxy as one writes it first: Flask, requests, json. For comparison; run by gunicorn's gevent worker.

The upstream's base URL stands in `NAIVE_UPSTREAM`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import requests
from flask import Flask, Response, request

app = Flask(__name__)
_session = requests.Session()


@app.post("/v1/chat/completions")
def complete() -> Response:
    """Passes the question on, and the answer's chunks back, each read and written anew."""
    upstream = _session.post(
        f"{os.environ['NAIVE_UPSTREAM']}/chat/completions",
        json=request.get_json(),
        headers={"Authorization": request.headers.get("Authorization", "")},
        stream=True,
        timeout=60,
    )
    return Response(_chunks(upstream), status=upstream.status_code, content_type="text/event-stream")


def _chunks(upstream: requests.Response) -> Iterator[str]:
    with upstream:
        for line in upstream.iter_lines(chunk_size=None):
            if not line.startswith(b"data: "):
                continue
            data = line[6:]
            if data == b"[DONE]":
                yield "data: [DONE]\n\n"
                continue  # to the end of the body: a connection that is left before it cannot be used again
            chunk = json.loads(data)
            chunk["model"] = "naive"
            yield f"data: {json.dumps(chunk)}\n\n"
