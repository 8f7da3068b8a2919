"""What is checked once, before gunicorn starts its workers."""

from __future__ import annotations

import errno
import json
import logging
import socket
import sys
from collections.abc import Iterable, MutableMapping
from threading import Event
from typing import Final

from gateway.key_strength import refusal
from gateway.settings import GatewaySettings
from kimi.ending import on_signals
from kimi.errors import Outdated, StoreUnavailable
from kimi.hosts import is_loopback
from kimi.pool import open_store
from kimi.pool.canary import Canary
from kimi.pool.migrating import Migration
from kimi.pool.schema import Schema
from kimi.startup import StartError

log = logging.getLogger(__name__)

_LISTENING: Final = "KIMI_GATEWAY_LISTENING"


def check_store(settings: GatewaySettings) -> None:
    """Returns when Redis answers, is not too new, and its secrets can be opened.

    Raises `StoreUnavailable`, `Outdated`, `Unreadable`. The connection is not for the workers.
    """
    with open_store(settings, connections=1) as store:
        Schema(store).look()
        Canary(store).check()


def convert_store(settings: GatewaySettings, *, must_answer: bool) -> None:
    """Returns when what Redis holds is as this release makes it, at once where it does not answer and need not.

    Raises `Outdated`, and `StoreUnavailable` where it must answer. A SIGTERM or SIGINT meanwhile ends the process.
    """
    stop = Event()
    with on_signals(stop.set), open_store(settings, connections=1) as store:
        try:
            is_done = Migration(Schema(store)).run(stop.is_set)
        except Outdated:
            raise
        except StoreUnavailable:
            if must_answer:
                raise
        else:
            if not is_done:
                sys.exit(0)


def check_listening(settings: GatewaySettings, addresses: Iterable[object]) -> None:
    """Returns when the `addresses` of the sockets that were opened will do. Raises `StartError`.

    Whoever starts gunicorn can have it listen elsewhere than the settings say. No key may be too weak for where that
    is; a path is for this machine alone. Those who watch need their port, and clients another one.
    """
    addresses = list(addresses)
    if port := settings.gateway_metrics_port:
        is_watched = [isinstance(address, tuple) and address[1] == port for address in addresses]
        if all(is_watched) or not any(is_watched):
            raise StartError(
                f"GATEWAY_METRICS_PORT: gunicorn has to be told to listen at {port} as well, and not only there"
            )
    hosts = [str(address[0]) for address in addresses if isinstance(address, tuple)]
    if elsewhere := [host for host in hosts if not is_loopback(host)]:
        where = f"{elsewhere[0]}, where gunicorn was told to listen"
        if told := [f"{variable}: {refusal(why, where)}" for variable, why in settings.weak_keys().items()]:
            raise StartError("\n".join(told))


def check_address(settings: GatewaySettings) -> None:
    """Returns when the gateway may listen where it is told to. Raises `StartError`.

    A port that is in use is left to gunicorn, which waits a few seconds for it: its last owner may be on its way out.
    What gunicorn says where it waits in vain names no variable, so that is told here.
    """
    for address in settings.bind:
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        try:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, int(port)))
        except UnicodeError:
            raise StartError("GATEWAY_HOST: is no name of a host") from None
        except OSError as error:
            name = "GATEWAY_PORT" if int(port) == settings.gateway_port else "GATEWAY_METRICS_PORT"
            if error.errno == errno.EADDRINUSE:
                log.warning("%s: %s is in use by another process, which has a few seconds to end", name, address)
                continue
            if error.errno != errno.EACCES:
                name = "GATEWAY_HOST"
            raise StartError(f"{name}: cannot listen on {address}: {error.strerror}") from None


def listening_as_before(settings: GatewaySettings, environ: MutableMapping[str, str]) -> GatewaySettings:
    """`settings` with the addresses that were set when this gateway started, which `environ` keeps over reloads.

    For other ones gunicorn would close its sockets and open all anew, which it cannot while its workers have them.
    """
    asked = settings.model_dump(include={"gateway_host", "gateway_port", "gateway_metrics_port"})
    kept = json.loads(environ.setdefault(_LISTENING, json.dumps(asked)))
    if changed := [name for name, value in asked.items() if kept[name] != value]:
        log.warning("%s: what is set now holds from the next start on", ", ".join(changed).upper())
    return settings.model_copy(update=kept)
