"""Asking our own HTTP servers how they are."""

from __future__ import annotations

import errno
import http.client
import json
import socket

SECONDS = 2.0


def get(host: str, port: int, path: str, *, key: str = "") -> tuple[int, str]:
    """Status and body of a GET; status 0 when nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()


def is_taken(host: str, port: int) -> bool:
    """Whether another program listens there, so that we cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE  # the gateway itself tells what else may be wrong
    return False


def reasons(readiness: str) -> str:
    """Why the gateway is not ready, in the words of its `/readyz`; else what was said instead, or that nothing was."""
    try:
        told = [str(reason) for reason in json.loads(readiness)["reasons"]]
    except (ValueError, KeyError, TypeError):
        told = [" ".join(readiness.split())]
    return "; ".join(filter(None, told)) or "it does not say why"


def first_model(listing: str) -> str:
    """The model for an example: `kimi` when the gateway lists it, else the first of the list."""
    try:
        names = [entry["id"] for entry in json.loads(listing)["data"]]
    except (ValueError, KeyError, TypeError):
        return "kimi"
    return "kimi" if "kimi" in names or not names else str(names[0])
