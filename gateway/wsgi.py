"""The gateway as gunicorn's workers serve it: `gateway.wsgi:app`. The one place where the real collaborators meet."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Final

from gateway import crew
from gateway.admin.making import make_desk, open_desk_store
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
from gateway.schema_watch import SchemaWatch
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
from kimi.pool import Chats, Members, Store, follow, open_signals, open_store
from kimi.pool.attempts import CLIENTS
from kimi.pool.attempts import Attempts as WrongKeys
from kimi.pool.canary import Canary
from kimi.pool.client_limits import Limiter
from kimi.pool.clients import Clients
from kimi.pool.conversations import Conversations as Records
from kimi.pool.counts import Counts, Courier
from kimi.pool.drift import DriftBook
from kimi.pool.fuse import Fuse
from kimi.pool.schema import Schema
from kimi.pool.sealers import Sealers
from kimi.pool.signals import freed
from kimi.pool.uploads import Uploads
from kimi.settings import load
from kimi.upstreams import Upstream
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
    drift, lookups = Drift(lambda kind, what: metrics.drifted(kind.value, what).inc()), Lookups()
    limits, shared_secret = deadlines(settings), secret(settings.gateway_api_keys)
    upstreams = upstreams_over(settings, limits, drift, lookups)
    breaker = Breaker(time.monotonic, metrics.lines_left_alone.set)
    waiting = WaitingRoom(pool, settings.gateway_queue_seconds, worker, breaker, changed=metrics.waiting.set)
    ledger = Ledger(Chats(store))
    remover = ChatRemover(upstreams, Members(store), ledger, Records(store), enabled=settings.kimi_delete_chats)
    reactions = Reactions(pool, pool, upstreams, random.SystemRandom())
    toolbox = Toolbox(shared_secret, random.SystemRandom())
    attempts = attempts_over(upstreams, reactions, remover, limits, toolbox, breaker=breaker, metrics=metrics)
    fetcher = Fetcher(Web(settings.kimi_allow_private_urls, resolver=lookups))
    files = Files(fetcher, Uploads(store, settings.kimi_file_reuse_seconds))
    completions = Completions(Collaborators(waiting, keeping(settings, remover, metrics), files, attempts))

    turnstile = Turnstile(Limiter(store), refused=lambda limit: metrics.limited(limit.value).inc())
    strangers = Strangers(pool, settings.kimi_kind if settings.kimi_kind.is_web else Kind.KIMI)
    door, created, guesses = doors(settings, store, strangers, shared_secret)
    counts, spans, name = Counts(), traces(settings), f"gateway {socket.gethostname()}-{os.getpid()}"
    seals = SealWatch(looking(Canary(store), settings), Sealers(store, name))
    operators = open_desk_store(settings)
    schema = SchemaWatch(Schema(store, name), bar=operators.bar)
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
        schema=schema,
        spans=spans,
        follow=partial(follow, settings),
    )
    duties.begin(open_signals(settings).listen(freed(worker)))
    return create_app(
        settings,
        Services(
            completions=completions,
            catalogue=Catalogue(pool),
            keys=door,
            # Elsewhere only who has a key asks for tokens.
            tokens=TokenCheck(strangers, Members(store).holding, guesses if settings.gateway_passthrough else OPEN),
            metrics=metrics,
            drain=Drain(settings.gateway_drain_seconds),
            settle=duties.settle,
            gate=turnstile,
            counts=counts,
            traces=spans,
            is_shut_out=lambda: seals.is_shut_out,
            is_outdated=lambda: schema.is_shut_out,
            desk=make_desk(settings, operators, upstreams),
        ),
    )


def deadlines(settings: GatewaySettings) -> Deadlines:
    """How long upstreams may take."""
    return Deadlines(
        settings.kimi_first_byte_seconds,
        settings.kimi_idle_seconds,
        settings.kimi_total_seconds,
        research_total=settings.kimi_research_seconds,
    )


def upstreams_over(
    settings: GatewaySettings, limits: Deadlines, drift: Drift, lookups: Lookups
) -> Mapping[Kind, Upstream]:
    """The upstreams, over connections of this worker."""
    silence = max(limits.first_byte, limits.idle)  # deadlines are kept above the sockets: theirs may only be no shorter
    line = Line(Client(), settings.endpoints, drift, idle=silence, research_idle=max(silence, limits.research_idle))
    return build(line, lookups)


def attempts_over(
    upstreams: Mapping[Kind, Upstream],
    reactions: Reactions,
    remover: ChatRemover,
    limits: Deadlines,
    toolbox: Toolbox,
    *,
    breaker: Breaker,
    metrics: Metrics,
) -> AttemptCollaborators:
    """What attempts work with, and count."""
    return AttemptCollaborators(
        upstreams,
        reactions,
        remover,
        breaker,
        Strays(),
        limits,
        toolbox,
        asks_again=lambda error: metrics.asked_again("tools" if isinstance(error, CallsUnfit) else "json").inc(),
    )


def keeping(settings: GatewaySettings, remover: ChatRemover, metrics: Metrics) -> Conversations:
    """How long conversations are kept: where nothing is deleted, a first turn as long as any other."""
    seconds = settings.kimi_conversation_seconds
    return Conversations(
        remover,
        seconds=seconds,
        first_turn=settings.kimi_first_turn_seconds if settings.kimi_delete_chats else seconds,
        count=lambda fate: metrics.went_on(fate.value).inc(),
    )


def looking(canary: Canary, settings: GatewaySettings) -> Callable[[], object]:
    """What this worker has to be able to open. Where clients bring accounts along, none of the operator's is needed."""
    return canary.look if settings.gateway_passthrough else canary.look_at_served


def doors(
    settings: GatewaySettings, store: Store, strangers: Strangers, shared_secret: bytes
) -> tuple[Door, ClientMirror, Guesses]:
    """The door for all clients, the created keys that it knows, and who counts the wrong ones.

    `shared_secret` is what workers with the same keys have in common, see `gateway.tools.seal.secret`.
    """
    local, address = LocalAttempts(CLIENTS, time.monotonic), partial(sender, settings.gateway_trusted_proxies)
    guesses = Guesses(WrongKeys(store, CLIENTS), local, address, shared_secret)
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
