"""The gateway as gunicorn's workers serve it: `gateway.wsgi:app`. The one place where the real collaborators meet."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Final

from gateway import crew
from gateway.admin.making import make_desk
from gateway.app import Gateway, create_app
from gateway.attempt import AttemptCollaborators
from gateway.auth import ClientKeys
from gateway.backoff import LocalAttempts
from gateway.breaker import Breaker
from gateway.catalogue import Catalogue
from gateway.cleanup import ChatRemover
from gateway.client_keys import CreatedKeys
from gateway.client_limits import Turnstile
from gateway.client_mirror import ClientMirror
from gateway.completion import Collaborators, Completions
from gateway.conversations import Conversations
from gateway.deadlines import Deadlines
from gateway.drain import Drain
from gateway.duties import Duties
from gateway.files import Files
from gateway.guesses import OPEN, GuardedKeys, Guesses
from gateway.http1 import Client
from gateway.ledger import Ledger
from gateway.lookups import Lookups
from gateway.metrics import Metrics
from gateway.passthrough import PassThrough, Strangers
from gateway.pool import Pool
from gateway.reactions import Reactions
from gateway.seal_watch import SealWatch
from gateway.services import Door, Services
from gateway.settings import GatewaySettings
from gateway.store_socket import StoreSocket
from gateway.strays import Strays
from gateway.token_check import TokenCheck
from gateway.tools.seal import secret
from gateway.tools.toolbox import Toolbox
from gateway.tracing import traces
from gateway.views import docs
from gateway.views.requests import sender
from gateway.waiting import WaitingRoom
from kimi.accounts import Kind
from kimi.alerts.making import watcher
from kimi.errors import CallsUnfit
from kimi.files.fetching import Fetcher
from kimi.files.web import Web
from kimi.http import default_context
from kimi.pool import Chats, Members, Signals, Store, open_store
from kimi.pool.attempts import CLIENTS
from kimi.pool.attempts import Attempts as WrongKeys
from kimi.pool.canary import Canary
from kimi.pool.client_limits import Limiter
from kimi.pool.clients import Clients
from kimi.pool.connection import connect_listener
from kimi.pool.conversations import Conversations as Records
from kimi.pool.counts import Counts, Courier
from kimi.pool.drift import DriftBook
from kimi.pool.fuse import Fuse
from kimi.pool.sealers import Sealers
from kimi.pool.signals import freed
from kimi.pool.uploads import Uploads
from kimi.settings import load
from kimi.upstreams.drift import Drift
from kimi.upstreams.line import Line
from kimi.upstreams.registry import build

REDIS_SECONDS: Final = 0.5
"""How long a command may take before Redis is taken for away: all that an outage costs a request, once."""


def prepare() -> None:
    """Makes what is the same for every worker, and takes a while. Workers that are forked afterwards have it."""
    docs.contents()
    default_context()


def make(settings: GatewaySettings) -> Gateway:
    """An application of its own for the worker that calls this, with what has to go on behind its requests."""
    fuse, worker, metrics = Fuse(), crew.worker_name(os.environ, os.getpid()), Metrics()
    store = open_store(settings, timeout=REDIS_SECONDS, adapt=StoreSocket, fuse=fuse)
    outside = open_store(settings, timeout=REDIS_SECONDS, connections=1)
    pool = Pool(store, fuse, outside, metrics, worker=worker)
    limits = Deadlines(
        settings.kimi_first_byte_seconds,
        settings.kimi_idle_seconds,
        settings.kimi_total_seconds,
        research_total=settings.kimi_research_seconds,
    )
    # The deadlines are kept above the sockets; theirs only has to be no shorter.
    drift = Drift(lambda kind, what: metrics.drifted(kind.value, what).inc())
    silence = max(limits.first_byte, limits.idle)
    line = Line(Client(), settings.endpoints, drift, idle=silence, research_idle=max(silence, limits.research_idle))
    lookups = Lookups()
    upstreams = build(line, lookups)
    waiting = WaitingRoom(pool, settings.gateway_queue_seconds, worker, changed=metrics.waiting.set)
    ledger = Ledger(Chats(store))
    deletes = settings.kimi_delete_chats
    remover = ChatRemover(upstreams, Members(store), ledger, Records(store), enabled=deletes)
    conversations = Conversations(
        remover,
        seconds=settings.kimi_conversation_seconds,
        first_turn=settings.kimi_first_turn_seconds if deletes else settings.kimi_conversation_seconds,
        count=lambda fate: metrics.went_on(fate.value).inc(),
    )
    breaker = Breaker(time.monotonic, metrics.lines_left_alone.set)
    reactions = Reactions(pool, pool, upstreams, random.SystemRandom())
    ours = secret(settings.gateway_api_keys)
    toolbox = Toolbox(ours, random.SystemRandom())
    attempts = AttemptCollaborators(
        upstreams,
        reactions,
        remover,
        breaker,
        Strays(),
        limits,
        toolbox,
        asks_again=lambda error: metrics.asked_again("tools" if isinstance(error, CallsUnfit) else "json").inc(),
    )
    fetcher = Fetcher(Web(settings.kimi_allow_private_urls, resolver=lookups))
    files = Files(fetcher, Uploads(store, settings.kimi_file_reuse_seconds))
    completions = Completions(Collaborators(waiting, conversations, files, attempts))

    turnstile = Turnstile(Limiter(store), refused=lambda limit: metrics.limited(limit.value).inc())
    strangers = Strangers(pool, settings.kimi_kind if settings.kimi_kind.is_web else Kind.KIMI)
    door, created, guesses = doors(settings, store, strangers, ours)
    counts, spans, sealers = Counts(), traces(settings), Sealers(store, f"gateway {socket.gethostname()}-{os.getpid()}")
    seals = SealWatch(looking(Canary(store), settings), sealers)
    duties = Duties(
        pool=pool,
        created=created,
        turnstile=turnstile,
        waiting=waiting,
        ledger=ledger,
        completions=completions,
        reactions=reactions,
        remover=remover,
        courier=Courier(store, counts),
        drift=drift,
        drift_book=DriftBook(store),
        watcher=watcher(store, settings, stands_in=True),
        seals=seals,
        spans=spans,
    )
    duties.begin(Signals(connect_listener(settings.redis_url)).listen(freed(worker)))
    return create_app(
        settings,
        Services(
            completions=completions,
            catalogue=Catalogue(pool),
            keys=door,
            # Elsewhere only who has a key asks for tokens.
            tokens=TokenCheck(strangers, Members(store).all, guesses if settings.gateway_passthrough else OPEN),
            metrics=metrics,
            drain=Drain(settings.gateway_drain_seconds),
            settle=duties.settle,
            gate=turnstile,
            counts=counts,
            traces=spans,
            is_shut_out=lambda: seals.is_shut_out,
            desk=make_desk(settings, upstreams),
        ),
    )


def looking(canary: Canary, settings: GatewaySettings) -> Callable[[], object]:
    """What this worker has to be able to open. Where clients bring accounts along, none of the operator's is needed."""
    return canary.look if settings.gateway_passthrough else canary.look_at_served


def doors(
    settings: GatewaySettings, store: Store, strangers: Strangers, ours: bytes
) -> tuple[Door, ClientMirror, Guesses]:
    """The door for all clients, the created keys that it knows, and who counts the wrong ones.

    `ours` is what workers with the same keys have in common, see `gateway.tools.seal.secret`.
    """
    local, address = LocalAttempts(CLIENTS, time.monotonic), partial(sender, settings.gateway_trusted_proxies)
    guesses = Guesses(WrongKeys(store, CLIENTS), local, address, ours)
    created = ClientMirror(Clients(store), hold=guesses.hold_known)
    keys = CreatedKeys(ClientKeys(settings.gateway_api_keys), created)
    bringing = PassThrough(keys, strangers, guesses)
    return GuardedKeys(bringing if settings.gateway_passthrough else keys, guesses), created, guesses


@cache
def _app() -> Gateway:
    return make(load(GatewaySettings))


def __getattr__(name: str) -> Gateway:
    """`app` is made when gunicorn asks for it, not by importing this module."""
    if name == "app":
        return _app()
    raise AttributeError(name)
