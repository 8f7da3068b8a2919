"""Connections that are refused: reset before any application has seen them."""

from __future__ import annotations

import socket
from typing import Any

from simulator.kinds import Kind
from simulator.links import Link
from simulator.world import World

_PEEK = 4096


def refuses(world: World, sock: Any) -> bool:
    """Whether a fault refuses this new connection; if so it is reset. The control API is never refused."""
    head = sock.recv(_PEEK, socket.MSG_PEEK)
    words = head.split(b" ", 2)
    path = words[1].decode("latin-1") if len(words) > 1 else ""
    if path.startswith("/_sim"):
        return False
    dialect = dialect_of(path)
    fault = world.faults.take_named("refused", endpoint_of(path), dialect)
    if fault is None:
        return False
    Link(sock).reset()
    sock.close()
    return True


def dialect_of(path: str) -> Kind:
    """Which dialect a path belongs to."""
    if path.startswith("/v1/"):
        return Kind.MOONSHOT
    return Kind.KIMI if path.startswith(("/api/account.", "/apiv2")) else Kind.CLASSIC


def endpoint_of(path: str) -> str:
    """Which endpoint a path belongs to, as far as that matters before the request is read."""
    if path.endswith(("/RefreshToken", "/token/refresh")):
        return "exchange"
    if path.endswith(("/Chat", "/completion/stream", "/chat/completions")):
        return "chat"
    if "Delete" in path:
        return "delete"
    if path.endswith(("/models", "/GetAvailableModels")):
        return "models"
    return "create" if path == "/api/chat" else "other"
