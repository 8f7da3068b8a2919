"""gunicorn's gevent worker, taught to shut down gently and to speak JSON about broken requests.

What gunicorn's own does differently:

- It waits for idle keep-alive connections as long as for running requests; this one waits for requests only.
- It drops connections that the kernel has accepted already when it stops listening.
- It cuts streams off without a word; here they are told first, through `Drain`.
- It waits for headers as long as a connection may be idle, for bodies and for those who do not read for ever.
- Connections on which nothing happens shut others out.
- It answers a request that it cannot parse with a page of HTML.
- It cuts everything off when its master has been killed.
- It calls the kernel for the head of an answer, for each of its pieces and for its end; see `Answer`.
"""

from __future__ import annotations

import errno
import gc
import os
import socket
import time
import uuid
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import gevent
from gunicorn import util
from gunicorn.http.errors import NoMoreData
from gunicorn.workers.ggevent import GeventWorker

from gateway.accepting import Acceptor
from gateway.answer import Answer
from gateway.app import Gateway
from gateway.environs import KNOWN, Environs
from gateway.errors import BodyLate, ClientGone
from gateway.heads import Heads, Memory, heads
from gateway.intake import Intake
from gateway.listening import prepare
from gateway.mistakes import log_those_of
from gateway.patience import TimeLimits, Waits
from gateway.refusals import refusal, response
from gateway.sending import send_all

FRESH_SECONDS: Final = 1.0
"""What a connection that was accepted just before the end has for its first request."""
LAST_WORDS_SECONDS: Final = 4.0
"""What streams have for their error chunk once the time to drain is over."""
SETTLE_SECONDS: Final = 4.0
"""What is given back in the background has so long before the process ends."""
MARGIN_SECONDS: Final = 12
"""Above the sum of both: gunicorn's master kills what takes longer than its `graceful_timeout`."""
GARBAGE: Final = 20_000
"""After so many new objects cycles of garbage are looked for. Python's own 700 come with each second request."""
_BEAT: Final = 0.2
_HUNG_UP: Final = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.ETIMEDOUT})


class Worker(GeventWorker):  # type: ignore[misc]
    """Serves a `Gateway`."""

    wsgi: Gateway
    alive: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._requests = 0  # being answered
        self._begin(TimeLimits(idle=self.cfg.keepalive))

    def _begin(self, limits: TimeLimits) -> None:
        self.acceptors: list[Acceptor] = []
        self._waits = Waits(limits)
        self._memory = Memory(self.cfg)
        self._environs = Environs(self.cfg, limits.unread)

    def run(self) -> None:
        """Serves until SIGTERM, and then until nothing runs any more."""
        gc.freeze()  # what is here by now stays for ever, and need not be looked at again and again
        gc.set_threshold(GARBAGE)
        log_those_of(gevent.get_hub())
        self.acceptors += [self._open(sock) for sock in self.sockets]
        while self.alive:
            self._await_beat()
        self.wsgi.drain.begin()
        for acceptor in self.acceptors:
            acceptor.take_waiting()
            acceptor.close()
        self._finish_requests()
        for acceptor in self.acceptors:
            acceptor.pool.kill(timeout=1)
        self.wsgi.settle(SETTLE_SECONDS)

    def notify(self) -> None:
        """Tells the master that this worker lives. Without a master it ends, but its requests first."""
        self.tmp.notify()
        if self.alive and os.getppid() != self.ppid:
            self.log.error("gunicorn's master is gone, this worker ends as soon as its requests have")
            self.alive = False

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: `/readyz` says so at once."""
        super().handle_exit(sig, frame)
        if self.booted:
            self.wsgi.drain.begin()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serves one connection, with HTTP/1: there is nothing else here."""
        intake, answer = Intake(client, self._waits), None
        requests = heads(intake, addr, self._memory)
        try:
            client.setblocking(True)
            proxied: dict[str, Any] = {}
            name = listener.getsockname()
            while True:
                req = answer = None
                req = self._next(requests, intake)
                # A proxy in front says once whose connection it is.
                proxied = req.proxy_protocol_info = req.proxy_protocol_info or proxied
                answer, environ = self._environs.create(req, client, addr, name)
                environ[KNOWN] = intake.know
                self._answer(answer, environ, intake)
                intake.await_next()
        except StopIteration:
            self.log.debug("a connection is closed, nothing is under way on it")
            if requests.is_unread:
                intake.part()
        except NoMoreData:  # its text is what has come of the head, and a key may stand there
            self.log.debug("a connection is closed in the middle of a request's head")
        except OSError as error:
            if error.errno in _HUNG_UP:
                self.log.debug("a client has gone: %s", error)
            else:
                self.log.exception("a connection broke")
        except (gevent.GreenletExit, SystemExit):
            self.log.debug("a connection is closed by us")
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told or cut off
            self._fail(answer, client, intake, error)
        finally:
            intake.await_nothing()
            util.close(client)

    def look_after(self, now: float) -> None:
        """Ends what has not come by `now`, and makes room. For the hub: it switches to those that are ended."""
        for intake, error in self._waits.late(now):
            intake.greenlet.throw(error)
        for acceptor in self.acceptors:
            acceptor.knock()

    def make_room(self) -> None:
        """Closes the connection that will be missed least, if there is one. For the hub."""
        intake = self._waits.least_missed()
        if intake is not None:
            self.log.debug("a connection is closed to make room for another one")
            is_asking = intake in self._waits.strange
            intake.greenlet.throw(BodyLate if is_asking else gevent.GreenletExit)
            if is_asking and intake in self._waits.leaving:
                intake.greenlet.throw(gevent.GreenletExit)

    def _next(self, requests: Heads, intake: Intake) -> Any:
        """The next request of a connection. What is late is looked for now and then: a timer for each costs more."""
        try:
            return next(requests)
        finally:
            intake.await_nothing()

    def _answer(self, answer: Answer, environ: dict[str, Any], intake: Intake) -> None:
        """Answers one request. Raises `StopIteration` where the connection has to be closed behind it."""
        self._requests += 1
        try:
            self._write(answer, environ, intake)
        except ClientGone:
            self.log.debug("a client has gone while its answer was written")
            raise StopIteration from None
        except (gevent.GreenletExit, SystemExit):
            self.log.debug("a connection is closed in the middle of a request")
            raise
        finally:
            self._requests -= 1

    def _write(self, answer: Answer, environ: dict[str, Any], intake: Intake) -> None:
        """As gunicorn does it, but for its access log, its hooks and files, which we have none of."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("this worker has had its number of requests and ends")
            self.alive = False
        if not self.alive or not self._memory.cfg.keepalive:
            answer.force_close()
        pieces = self.wsgi(environ, answer.start_response)
        environ.clear()  # nobody asks for it any more; it is large, and a stream may run for long
        try:
            intake.await_reader()
            answer.send(pieces)
        finally:
            intake.await_nothing()
            if hasattr(pieces, "close"):
                pieces.close()
        if answer.should_close():
            raise StopIteration

    def _fail(self, answer: Answer | None, client: Any, intake: Intake, error: Exception) -> None:
        """Tells the client of an error, unless a part of his answer has gone out, which he must not take for whole."""
        if answer is None or not answer.headers_sent:
            self._refuse(client, error)
            intake.part()
            return
        # A second head would be taken for a part of the body.
        self.log.error("an answer met an error of ours after its head was sent", exc_info=error)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _refuse(self, client: Any, exc: Exception) -> None:
        """Answers a request that never reached the application."""
        problem, request_id = refusal(exc), f"req-{uuid.uuid4().hex}"
        if problem.status == 500:
            self.log.error("a connection met an error of ours, request id %s", request_id, exc_info=exc)
        else:
            self.log.info("refused what is not HTTP as it should be, request id %s: %s", request_id, type(exc).__name__)
        try:
            send_all(client, response(problem, request_id), self._waits.limits.leaving)
        except OSError:
            self.log.debug("the client did not wait for the reason")

    def _open(self, sock: Any) -> Acceptor:
        sock.setblocking(True)
        prepare(sock, self._waits.limits.unread)
        acceptor = Acceptor(sock, self.handle, self.worker_connections, self.make_room)
        if self.cfg.workers > 1:
            acceptor.max_accept = 1  # the others want some as well
        acceptor.start()
        return acceptor

    def _await_beat(self) -> None:
        """What is to be done as long as anything runs here."""
        self.notify()
        gevent.get_hub().loop.run_callback(self.look_after, time.monotonic())
        gevent.sleep(_BEAT)

    def _finish_requests(self) -> None:
        drain, last_words = self.wsgi.drain, None
        gevent.sleep(_BEAT)  # what comes on connections that are open already
        until = time.monotonic() + FRESH_SECONDS
        waits = self._waits
        waits.limits = replace(waits.limits, stranger=FRESH_SECONDS)
        while self._requests or ((waits.fresh or waits.heads) and time.monotonic() < until):
            if drain.over:
                last_words = last_words or time.monotonic() + LAST_WORDS_SECONDS
                if time.monotonic() >= last_words:
                    self.log.warning("%d answers are cut off: their clients do not read", self._requests)
                    return
            self._await_beat()
