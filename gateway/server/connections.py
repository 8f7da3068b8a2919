"""The connections of a worker: each is served in a greenlet of its own, and ended when its client takes too long."""

from __future__ import annotations

import errno
import socket
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, Protocol

import gevent
from gunicorn import util
from gunicorn.http.errors import NoMoreData

from gateway.errors import BodyLate, ClientGone
from gateway.server.accepting import Acceptor
from gateway.server.answer import Answer
from gateway.server.environ_keys import KNOWN, SERVED
from gateway.server.environs import Environs
from gateway.server.heads import Heads, Memory
from gateway.server.intake import Intake
from gateway.server.listening import prepare
from gateway.server.patience import TimeLimits, Waits
from gateway.server.refusals import refusal, response

App = Callable[[dict[str, Any], Any], Iterable[bytes]]

FRESH_SECONDS: Final = 1.0
"""What a connection that was accepted just before the end has for its first request."""
LAST_WORDS_SECONDS: Final = 4.0
"""What streams have for their error chunk once the time to drain is over."""
_HUNG_UP: Final = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.ETIMEDOUT})


class Draining(Protocol):
    """Says whether the time is over that answers have to end by themselves; see `gateway.drain.Drain`."""

    @property
    def over(self) -> bool: ...


class Connections:
    """Serves `app` with HTTP/1: there is nothing else here.

    `is_last` is asked at every request whether its connection ends with it. `log` is gunicorn's.
    """

    def __init__(self, app: App, cfg: Any, log: Any, limits: TimeLimits, is_last: Callable[[], bool]) -> None:
        self.waits = Waits(limits)
        self._app = app
        self._log = log
        self._is_last = is_last
        self._memory = Memory(cfg)
        self._environs = Environs(cfg)
        self.acceptors: list[Acceptor] = []
        self.requests = 0  # being answered

    def listen(self, sock: Any, most: int, *, at_once: int | None = None) -> None:
        """Takes `most` connections at a time from `sock`, and `at_once` of them before others have their turn."""
        sock.setblocking(True)
        prepare(sock, self.waits.limits.unread)
        acceptor = Acceptor(sock, self.serve, most, self.make_room)
        if at_once:
            acceptor.max_accept = at_once
        self.acceptors.append(acceptor)
        acceptor.start()

    @property
    def are_open(self) -> bool:
        """Whether there is one."""
        return any(len(acceptor.pool) for acceptor in self.acceptors)

    def close(self) -> None:
        """Takes no more connections, but those that the kernel has taken already. Closing again does nothing."""
        for acceptor in self.acceptors:
            if not acceptor.closed:
                acceptor.take_waiting()
                acceptor.close()

    def finish(self, drain: Draining, beat: Callable[[], object]) -> None:
        """Returns when nothing is under way any more, or those who do not read have had time enough.

        `beat` waits for a moment, and calls `look_after`.
        """
        last_words = None
        gevent.sleep(FRESH_SECONDS / 5)  # what comes on connections that are open already
        until = time.monotonic() + FRESH_SECONDS
        waits = self.waits
        waits.limits = replace(waits.limits, stranger=FRESH_SECONDS, leaving=FRESH_SECONDS)
        while self.requests or waits.leaving or ((waits.fresh or waits.heads) and time.monotonic() < until):
            if drain.over:
                last_words = last_words or time.monotonic() + LAST_WORDS_SECONDS
                if time.monotonic() >= last_words:
                    self._log.warning("%d answers are cut off: their clients do not read", self.requests)
                    return
            beat()

    def kill(self) -> None:
        """Ends those that are left."""
        for acceptor in self.acceptors:
            acceptor.pool.kill(timeout=1)

    def look_after(self, now: float) -> None:
        """Ends what has not come by `now`, and makes room. For the hub: it switches to those that are ended."""
        for intake, error in self.waits.late(now).items():
            intake.greenlet.throw(error)
        for acceptor in self.acceptors:
            acceptor.knock()

    def make_room(self) -> None:
        """Closes the connection that will be missed least, if there is one. For the hub."""
        intake = self.waits.least_missed()
        if intake is not None:
            self._log.debug("a connection is closed to make room for another one")
            waits = self.waits
            is_late = intake in waits.strange or intake in waits.bodies
            intake.greenlet.throw(BodyLate if is_late else gevent.GreenletExit)
            if is_late and (intake in waits.unread or intake in waits.leaving):  # told, or deaf
                intake.greenlet.throw(gevent.GreenletExit)

    def serve(self, listener: Any, client: Any, addr: Any) -> None:
        """One connection, from its first request to its end."""
        intake, answer = Intake(client, self.waits), None
        requests = Heads(intake, addr, self._memory)
        try:
            client.setblocking(True)
            proxied: dict[str, Any] = {}
            name = listener.getsockname()
            while True:
                req = answer = None
                req = self._next(requests, intake)
                # A proxy in front says once whose connection it is.
                proxied = req.proxy_protocol_info = req.proxy_protocol_info or proxied
                answer, environ = self._environs.create(req, client, addr, name, intake.await_room)
                environ[KNOWN], environ[SERVED] = intake.know, intake.serve
                self._answer(answer, environ, intake)
                intake.await_next()
        except StopIteration:
            self._log.debug("a connection is closed, nothing is under way on it")
            if requests.is_unread or intake.has_come:
                intake.part()
        except NoMoreData:  # its text is what has come of the head, and a key may stand there
            self._log.debug("a connection is closed in the middle of a request's head")
        except OSError as error:
            if error.errno in _HUNG_UP:
                self._log.debug("a client has gone: %s", error)
            else:
                self._log.exception("a connection broke")
        except (gevent.GreenletExit, SystemExit):
            self._log.debug("a connection is closed by us")
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told or cut off
            self._fail(answer, client, intake, error)
        finally:
            intake.await_nothing()
            util.close(client)

    def refused(self, exc: Exception) -> bytes:
        """The answer to a request that never reached the application; the log says why."""
        problem, request_id = refusal(exc), f"req-{uuid.uuid4().hex}"
        if problem.status == 500:
            self._log.error("a connection met an error of ours, request id %s", request_id, exc_info=exc)
        else:
            self._log.info(
                "refused what is not HTTP as it should be, request id %s: %s", request_id, type(exc).__name__
            )
        return response(problem, request_id)

    def _next(self, requests: Heads, intake: Intake) -> Any:
        """The next request of a connection. What is late is looked for now and then: a timer for each costs more."""
        try:
            return next(requests)
        finally:
            intake.await_nothing()

    def _answer(self, answer: Answer, environ: dict[str, Any], intake: Intake) -> None:
        """Answers one request. Raises `StopIteration` where the connection has to be closed behind it."""
        self.requests += 1
        try:
            self._write(answer, environ, intake)
        except ClientGone:
            self._log.debug("a client has gone while its answer was written")
            raise StopIteration from None
        except (gevent.GreenletExit, SystemExit):
            self._log.debug("a connection is closed in the middle of a request")
            raise
        finally:
            self.requests -= 1

    def _write(self, answer: Answer, environ: dict[str, Any], intake: Intake) -> None:
        """As gunicorn does it, but for its access log, its hooks and files, which we have none of."""
        if self._is_last():
            answer.force_close()
        intake.await_key()
        pieces = self._app(environ, answer.start_response)
        environ.clear()  # nobody asks for it any more; it is large, and a stream may run for long
        if self._is_wanted():
            answer.force_close()  # whose next request comes at once would never be seen idle, and keep others out
        try:
            answer.send(pieces)
        finally:
            intake.await_nothing()
            if hasattr(pieces, "close"):
                pieces.close()
        if answer.should_close():
            raise StopIteration

    def _is_wanted(self) -> bool:
        return any(acceptor.is_wanted for acceptor in self.acceptors)

    def _fail(self, answer: Answer | None, client: Any, intake: Intake, error: Exception) -> None:
        """Tells the client of an error, unless a part of his answer has gone out, which he must not take for whole."""
        if answer is None or not answer.headers_sent:
            intake.part(self.refused(error))
            return
        # A second head would be taken for a part of the body.
        self._log.error("an answer met an error of ours after its head was sent", exc_info=error)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
