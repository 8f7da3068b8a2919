"""gunicorn's configuration: `gunicorn -c gateway/gunicorn.conf.py gateway.wsgi:app`."""

# ruff: noqa: E402, N999 - what is done between the imports has to be done there; the name is gunicorn's

import gevent
from gevent import monkey

gevent.config.track_greenlet_tree = False  # a stack of names with every greenlet, for debuggers that nobody attaches
monkey.patch_all()  # before anything imports ssl: patched later, every HTTPS request ends in endless recursion

import gc
import math
import os
from importlib import import_module
from typing import Any

from gateway import scratch
from gateway.importing import uncollected

scratch.share_figures(os.environ, scratch.in_memory())  # before prometheus_client is imported, which looks for it

with uncollected():
    from prometheus_client.multiprocess import mark_process_dead

    from gateway import crew
    from gateway.key_strength import warn_of_weak_keys
    from gateway.metrics import keep_as
    from gateway.server.log import Log
    from gateway.server.master import Master
    from gateway.server.room import EACH, room
    from gateway.server.worker import MARGIN_SECONDS, Worker
    from gateway.settings import GatewaySettings
    from gateway.startup import check_address, check_listening, check_store, convert_store, listening_as_before
    from gateway.tracing import check_tracing
    from kimi import logs
    from kimi.settings import PLAIN_SECRETS, load
    from kimi.startup import reporting

with reporting("gateway"):
    _settings = load(GatewaySettings)
    logs.configure(_settings.log_level, _settings.log_format)
    check_tracing(_settings)
    _is_new = crew.found(os.environ)
    if _is_new:  # told to reload, a gateway goes on without Redis as well
        check_address(_settings)
        check_store(_settings)
    _settings = listening_as_before(_settings, os.environ)
warn_of_weak_keys(_settings.weak_keys())

wsgi_app = "gateway.wsgi:app"
proc_name = "kimi-gateway"
bind = _settings.bind
workers = _settings.gateway_workers
worker_class = Worker
logger_class = Log
worker_connections = room(_settings.gateway_max_connections)
worker_tmp_dir = scratch.in_memory()  # gunicorn's heartbeat must not wait for a disk

# Every worker makes its own application, so that no connection to Redis is shared across a fork.
preload_app = False

# one-api keeps idle connections for 90 s, and must not find them closed. Headers have a limit of their own, see Worker.
keepalive = 95
# Not a limit for requests: a worker whose event loop stands still for so long is replaced.
timeout = 60
graceful_timeout = math.ceil(_settings.gateway_drain_seconds) + MARGIN_SECONDS

# Authorization may hold dozens of tokens; both limits together bound the memory that headers can take.
limit_request_field_size = 65_536
limit_request_fields = 64

# A proxy on this machine, and those of the operator wherever they are, tell whether they were asked by TLS; nobody else
# is believed. Nothing more is taken from them here: a header SCRIPT_NAME, which some hand on from their clients, would
# open a path under another name that they have closed. Of X-Forwarded-For see `client_address`.
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
forwarder_headers = ""
if _settings.gateway_trusted_proxies:
    forwarded_allow_ips = "*"

http_parser = "python"  # `server.heads` builds on it; the one in C has rules of its own
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Before the first worker. What workers import or make alike they have from here: they start sooner, sharing it."""
    with reporting("gateway"):
        convert_store(_settings, must_answer=_is_new)
    with uncollected():
        import_module(wsgi_app.partition(":")[0]).prepare()
    if _settings.leaves_secrets_plain:
        server.log.warning(PLAIN_SECRETS)
    if worker_connections < _settings.gateway_max_connections:
        server.log.warning(
            "the limit of open files leaves a worker %d connections, of which each needs %d, in place of "
            "GATEWAY_MAX_CONNECTIONS=%d",
            *(worker_connections, EACH, _settings.gateway_max_connections),
        )
    gc.freeze()  # to look for garbage in it would copy it into every worker
    scratch.sweep_figures(worker_tmp_dir)
    server.claim = scratch.claim_figures(os.environ)
    server.environ = server.cfg.env_orig  # that of a later configuration has our own variables
    server.__class__ = Master  # gunicorn has made its own by now, and has no setting for another


def when_ready(server: Any) -> None:
    """All sockets are open, and no worker is there to take what comes."""
    with reporting("gateway"):
        check_listening(_settings, [listener.sock.getsockname() for listener in server.LISTENERS])


on_reload = when_ready  # the sockets are those of before, the keys may be others


def post_fork(_server: Any, worker: Any) -> None:
    """A worker begins. It makes its figures later on, with its application."""
    worker.metrics_port = _settings.gateway_metrics_port
    keep_as(worker.pid)


def pre_exec(server: Any) -> None:
    """SIGUSR2: another program takes the sockets over. It begins as this one did, without its name and its figures."""
    server.cfg.env_orig = server.environ


def child_exit(_server: Any, worker: Any) -> None:
    """A worker is gone: what it had under way is no longer under way."""
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
    crew.bury(_settings, crew.worker_name(os.environ, worker.pid))


def on_exit(_server: Any) -> None:
    """After the last worker."""
    scratch.remove_figures(os.environ)
