from __future__ import annotations

import gc
import socket
import threading

import gevent
import pytest
from gevent.event import Event

from tests.leaks import GREENLETS, SOCKETS, THREADS, nothing_left


def test_a_thread_is_found() -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="forgotten")
    with pytest.raises(pytest.fail.Exception, match="the thread forgotten"), nothing_left(THREADS, seconds=0):
        thread.start()
    end.set()
    thread.join()


def test_one_socket_is_found_with_its_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with pytest.raises(pytest.fail.Exception, match=str(listener.getsockname()[1])):  # noqa: SIM117
            with nothing_left(SOCKETS, seconds=0):
                client = socket.create_connection(listener.getsockname())
        client.close()


def test_a_greenlet_is_found_with_its_function() -> None:
    def waits() -> None:
        Event().wait()

    gc.freeze()
    with pytest.raises(pytest.fail.Exception, match="waits"), nothing_left(GREENLETS, seconds=0):
        greenlet = gevent.spawn(waits)
    greenlet.kill()


def test_what_ends_in_time_is_not_left() -> None:
    with nothing_left(THREADS, GREENLETS):
        threading.Timer(0.02, int).start()
        gevent.spawn(gevent.sleep, 0.02)
