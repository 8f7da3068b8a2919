"""A TCP proxy that breaks connections in every way a network does, as the test tells it."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

Address = tuple[str, int]
T = TypeVar("T")

_READ_BYTES = 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class _Pair:
    """Both ends of one connection through the proxy."""

    client: asyncio.StreamWriter
    left: int | None  # bytes of the server's answer that still come through
    server: asyncio.StreamWriter | None = None

    def reset(self) -> None:
        """End both with a reset (RST)."""
        for writer in (self.client, self.server):
            if writer is not None:
                end = writer.get_extra_info("socket")
                with suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                writer.transport.abort()

    def close(self) -> None:
        """End both in peace."""
        for writer in (self.client, self.server):
            if writer is not None:
                writer.close()


@dataclass
class Proxy:
    """Listens on a port of its own and passes each connection on to the next of `targets` that takes it.

    It runs in a thread, so that it stands between any two processes and does what the test says at once.
    """

    targets: list[Address]
    port: int = 0
    accepted: int = 0
    _delay: float = 0.0
    _limit: int | None = None
    _pairs: set[_Pair] = field(default_factory=set)
    _turn: itertools.count[int] = field(default_factory=itertools.count)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._call(self._prepare())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def address(self) -> str:
        """Host and port, as in a URL."""
        return f"127.0.0.1:{self.port}"

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._pairs)

    def delay(self, seconds: float) -> None:
        """From now on everything takes so long each way."""
        self._delay = seconds

    def truncate(self, answer_bytes: int | None) -> None:
        """Connections from now on end after so many bytes of the server's; None: no more."""
        self._limit = answer_bytes

    def reset(self) -> None:
        """Reset all connections; new ones are taken."""
        self._call(self._reset())

    def freeze(self) -> None:
        """Partition: nothing comes through any more, and nobody is told. New connections are taken, and silent."""
        self._call(self._freeze())

    def refuse(self) -> None:
        """Nobody listens any more, and what was open is reset."""
        self._call(self._refuse())

    def heal(self) -> None:
        """Everything works again. What was sent during a partition arrives now, as TCP has it."""
        self._delay, self._limit = 0.0, None
        self._call(self._heal())

    def _call(self, job: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(job, self._loop).result(10)

    async def _prepare(self) -> None:
        self._passing = asyncio.Event()
        self._passing.set()
        self._server: asyncio.Server | None = None
        await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _reset(self) -> None:
        for pair in list(self._pairs):
            pair.reset()

    async def _freeze(self) -> None:
        self._passing.clear()

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset()

    async def _heal(self) -> None:
        self._passing.set()
        if self._server is None:
            await self._listen()

    async def _end(self) -> None:
        await self._refuse()
        self._passing.set()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        pair = _Pair(writer, self._limit)
        self._pairs.add(pair)
        try:
            await self._passing.wait()
            answer, pair.server = await self._connect()
            await asyncio.gather(self._pass(reader, pair.server), self._pass(answer, writer, pair))
            pair.close()
        except EOFError:
            pair.close()
        except (OSError, asyncio.CancelledError):
            pair.reset()
        finally:
            self._pairs.discard(pair)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The next target in turn that takes the connection."""
        first = next(self._turn)
        for number in range(len(self.targets) - 1):
            with suppress(ConnectionRefusedError):
                return await asyncio.open_connection(*self.targets[(first + number) % len(self.targets)])
        return await asyncio.open_connection(*self.targets[(first - 1) % len(self.targets)])

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer_of: _Pair | None = None
    ) -> None:
        while data := await reader.read(_READ_BYTES):
            if self._delay:
                await asyncio.sleep(self._delay)
            await self._passing.wait()
            if answer_of is not None and answer_of.left is not None:
                data, answer_of.left = data[: answer_of.left], max(answer_of.left - len(data), 0)
            writer.write(data)
            await writer.drain()
            if answer_of is not None and answer_of.left == 0:
                raise EOFError
        if writer.can_write_eof():
            writer.write_eof()
