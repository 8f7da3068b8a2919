"""What is measured of every server, one function each: a dictionary of figures, by the names of `tables.FIGURES`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.performance import processes
from benchmarks.performance.house import House
from benchmarks.performance.loading import Load, Progress, Result, all_right, load, run
from benchmarks.performance.moments import Moment, foreign, moment
from benchmarks.performance.servers import Server
from benchmarks.performance.upstream import Shape
from devtools.waiting import until

Figures = Mapping[str, float]
BEGIN_SECONDS = 40.0
"""How long the slowest server may take until all streams have begun."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long is measured, in seconds. `settle` is longer than the chat of a first question stays, see `burst`."""

    window: float = 4.0
    settle: float = 4.0


QUICK = Pace(window=1.5, settle=1.0)


@dataclass(frozen=True, slots=True)
class _Moment(Moment):
    progress: Progress


def _moment(house: House, server: Server, running: Load) -> _Moment:
    found = moment(house, server)
    return _Moment(found.at, found.cpu, found.busy, running.progress())


def _watch(house: House, server: Server, pace: Pace, running: Load) -> tuple[_Moment, _Moment]:
    """The beginning and the end of the time that counts. Raises `LoadFailed`."""
    first = _moment(house, server, running)
    time.sleep(pace.window)
    second = _moment(house, server, running)
    all_right(running.result())
    return first, second


def steady(house: House, server: Server, pace: Pace, streams: int = 150) -> Figures:
    """CPU of an event, with streams of 50 events a second each, once all of them have begun."""
    interval = 20_000
    shape = Shape(int((pace.window + 5) / interval * 1e6), interval)
    options = ["-c", str(streams), "-r", "0.5", "-e", str(shape.events)]
    with load(house, server, shape, options, seconds=shape.seconds) as running:
        _wait_for_streams(house, streams)
        time.sleep(0.5)
        first, second = _watch(house, server, pace, running)
    events = second.progress.pieces - first.progress.pieces
    return {
        "event_us": (second.cpu - first.cpu) / events * 1e6,
        "events_per_second": events / (second.at - first.at),
        "foreign:steady": foreign(first, second),
    }


def steady_few(house: House, server: Server, pace: Pace) -> Figures:
    """The same with a tenth of the streams, for a server that cannot carry them all."""
    return steady(house, server, pace, streams=15)


def _wait_for_streams(house: House, streams: int) -> None:
    until(lambda: house.upstream.figures()["streams_open"] >= streams, seconds=BEGIN_SECONDS, what="all streams run")


def burst(house: House, server: Server, pace: Pace) -> Figures:
    """CPU of a request whose answer comes at once in ten writes, and how many a second one core takes, 32 at a time.

    Measured when the deletion of the first chats has begun, so that it counts as well.
    """
    seconds = pace.settle + pace.window + 2
    with load(house, server, Shape(10), ["-c", "32", "-d", str(seconds), "-e", "10"], seconds=seconds) as running:
        time.sleep(pace.settle)
        first, second = _watch(house, server, pace, running)
    requests = second.progress.right - first.progress.right
    return {
        "request_ms": (second.cpu - first.cpu) / requests * 1e3,
        "requests_per_second": requests / (second.at - first.at),
        "foreign:burst": foreign(first, second),
    }


def first_event(house: House, server: Server, pace: Pace) -> Figures:
    """How long the first event takes on its way, at ten streams."""
    options = ["-c", "10", "-r", "0.2", "-d", str(pace.window), "-e", "10"]
    found = all_right(run(house, server, Shape(10, 20_000), options)).first_event
    return {"first_ms": found.p50 / 1e3, "first_p99_ms": found.p99 / 1e3}


def thousand(house: House, server: Server, pace: Pace) -> Figures:
    """What the way through the server adds to an event's time, at 1,000 streams of 5 events a second."""
    found = all_right(_many(house, server, pace, 1_000, 200_000)).delay
    return {"calm_ms": found.p50 / 1e3, "calm_p99_ms": found.p99 / 1e3}


def thousand_busy(house: House, server: Server, pace: Pace) -> Figures:
    """The same at 20 events a second each."""
    found = all_right(_many(house, server, pace, 1_000, 50_000)).delay
    return {"delay_ms": found.p50 / 1e3, "delay_p99_ms": found.p99 / 1e3}


def two_thousand(house: House, server: Server, pace: Pace) -> Figures:
    """How many of 2,000 streams of 20 events a second do not arrive whole and in order."""
    found = _many(house, server, pace, 2_000, 50_000)
    return {"wrong_of_2000": found.requests - found.right, "delay_2000_p99_ms": found.delay.p99 / 1e3}


def _many(house: House, server: Server, pace: Pace, streams: int, interval: int) -> Result:
    """Streams that begin one after the other, and live on together for a while, in which delays count."""
    ramp = streams / 400
    shape = Shape(int((pace.window + ramp + 1) / interval * 1e6), interval)
    window = f"{ramp + 1},{ramp + 1 + pace.window}"
    return run(house, server, shape, ["-c", str(streams), "-r", str(ramp), "-w", window, "-e", str(shape.events)])


def memory(house: House, server: Server, _pace: Pace) -> Figures:
    """Memory at rest and a stream, of a server that has just been started. A few requests come first."""
    all_right(run(house, server, Shape(10), ["-c", "8", "-n", "64", "-e", "10"]))
    rest, streams = processes.largest_bytes(server.pid), 1_000
    shape = Shape(60, 1_000_000)
    with load(house, server, shape, ["-c", str(streams), "-r", "5"], seconds=shape.seconds):
        _wait_for_streams(house, streams)
        time.sleep(2)
        full = processes.largest_bytes(server.pid)
    return {"rest_mb": rest / 1e6, "stream_kb": (full - rest) / streams / 1e3}
