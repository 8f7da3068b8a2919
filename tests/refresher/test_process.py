from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from devtools.waiting import until
from kimi.accounts import State
from kimi.errors import StoreUnavailable
from kimi.pool import Leases, Store, connect
from kimi.pool.drift import DriftBook
from kimi.pool.heartbeats import Heartbeats
from kimi.pool.sealers import Sealers
from refresher.beside import prolonging
from tests.kimi.pool.pools import KIMI, Clock, Pool
from tests.ports import free_port
from tests.refresher.running import Eyes, Refresher, Start, page, write
from tests.simulator.running import Simulator
from tests.valkey import Valkey


def test_accounts_of_all_kinds_get_tokens_that_work(
    tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes, redis_url: str
) -> None:
    kinds = ("kimi", "kimi-classic", "moonshot")
    write(tmp_path, *(kimi.mint(kind=kind, name=kind) for kind in kinds))
    refresher = start()
    until(lambda: eyes.all_active(*kinds))
    for kind in kinds[:2]:
        account = kimi.account(kind)
        assert eyes.record(kind).access == account["access_token"]
        assert eyes.record(kind).refresh == account["refresh_token"]
    assert "kimi-k3" in eyes.record("moonshot").models
    assert refresher.terminate() == 0
    assert redis_url not in refresher.said()


def test_bare_tokens_of_the_environment_are_accounts_too(kimi: Simulator, start: Start, eyes: Eyes) -> None:
    tokens = [kimi.mint(kind="kimi-classic", name=name)["refresh_token"] for name in ("a", "b")]
    refresher = start(KIMI_REFRESH_TOKENS=f"{tokens[0]},\nBearer {tokens[1]}", KIMI_KIND="kimi-classic")
    until(lambda: list(eyes.states().values()) == [State.ACTIVE] * 2)
    assert refresher.terminate(signal.SIGINT) == 0


def test_two_refreshers_keep_short_lived_tokens_fresh_and_never_use_one_twice(
    tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes
) -> None:
    names = [f"account-{number}" for number in range(4)]
    kimi.settings(access_lifetime=3.0)
    write(tmp_path, *(kimi.mint(kind="kimi", name=name) for name in names))
    refreshers = [start(), start()]
    until(lambda: all(kimi.account(name)["exchanged"] >= 4 for name in names), seconds=30)
    assert [refresher.terminate() for refresher in refreshers] == [0, 0]
    for name in names:
        account = kimi.account(name)
        assert (account["reused"], account["concurrent"]) == (0, 0)
        assert eyes.record(name).refresh == account["refresh_token"]


def test_sigterm_during_an_exchange_waits_for_it_and_stores_it(
    tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes
) -> None:
    write(tmp_path, kimi.mint(kind="kimi", name="alice"))
    kimi.fault("slow", match={"endpoint": "exchange"}, seconds=1.5)
    refresher = start()
    until(lambda: kimi.account("alice")["exchanges"] == 1 or kimi.state()["faults"][0]["struck"] == 1)
    assert eyes.record("alice").state is State.NEW
    assert refresher.terminate() == 0
    assert eyes.record("alice").state is State.ACTIVE
    assert eyes.record("alice").refresh == kimi.account("alice")["refresh_token"]


def test_a_restart_goes_on_with_the_rotated_token(tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes) -> None:
    write(tmp_path, kimi.mint(kind="kimi", name="alice"))
    refresher = start()
    until(lambda: eyes.all_active("alice") and not eyes.is_locked("alice"))
    assert refresher.process is not None
    refresher.process.kill()
    refresher.wait()
    store = eyes.store
    Leases(store).reject(Leases(store).acquire(KIMI))
    start()
    until(lambda: kimi.account("alice")["exchanged"] == 2)
    until(lambda: not eyes.record("alice").rejected)
    assert kimi.account("alice")["reused"] == 0


def test_a_rejected_token_is_refreshed_at_once(tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes) -> None:
    write(tmp_path, kimi.mint(kind="kimi", name="alice"))
    start().says("refresher started")
    until(lambda: eyes.all_active("alice"))
    leases = Leases(eyes.store)
    leases.reject(leases.acquire(KIMI))
    until(lambda: not eyes.record("alice").rejected, seconds=5)


def test_trouble_on_the_way_condemns_nobody(tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes) -> None:
    troubles: dict[str, dict[str, Any]] = {
        "unavailable": {"what": "http", "status": 503},
        "limited": {"what": "http", "status": 429},
        "closed": {"what": "close"},
        "page": {"what": "wrong_type"},
        "nothing": {"what": "no_tokens", "empty": True},
    }
    write(tmp_path, *(kimi.mint(kind="kimi", name=name) for name in troubles))
    for name, trouble in troubles.items():
        kimi.fault(times=2, match={"endpoint": "exchange", "account": name}, **trouble)
    kimi.fault("refused", times=2)
    refresher = start()
    until(lambda: eyes.all_active(*troubles), seconds=20)
    until(lambda: "exchange" in {seen.what for seen in DriftBook(eyes.store).all()}, what="the operator is told")
    assert [eyes.record(name).failures for name in troubles] == [0] * len(troubles)
    warned = [
        line["account"] for line in refresher.lines() if (line["level"], line["logger"]) == ("warning", "refresher")
    ]
    assert sorted(warned) == sorted(troubles)  # each once, though each failed twice


def test_a_dead_token_is_told_once_and_a_new_one_in_the_file_revives_it(
    tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes
) -> None:
    alice, bob = (kimi.mint(kind="kimi", name=name) for name in ("alice", "bob"))
    kimi.account("alice", revoke_refresh=True)
    write(tmp_path, alice, bob)
    refresher = start()
    until(lambda: eyes.states() == {"alice": State.DEAD, "bob": State.ACTIVE})
    assert eyes.record("alice").reason
    write(tmp_path, kimi.mint(kind="kimi", name="carol") | {"name": "alice"}, bob)
    until(lambda: eyes.all_active("alice", "bob"), seconds=10)
    assert [line["account"] for line in refresher.lines() if line["level"] == "error"] == ["alice"]


def test_400_on_the_classic_exchange_is_a_ban(tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes) -> None:
    write(tmp_path, kimi.mint(kind="kimi-classic", name="alice", state="banned"))
    start()
    until(lambda: eyes.states() == {"alice": State.BANNED})


def test_without_accounts_it_waits_for_some(tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes) -> None:
    refresher = start()
    refresher.says("no accounts yet")
    write(tmp_path, kimi.mint(kind="kimi", name="alice"))
    until(lambda: eyes.states() == {"alice": State.ACTIVE}, seconds=10)
    assert refresher.terminate() == 0


def test_each_says_that_it_lives(start: Start, eyes: Eyes) -> None:
    heartbeats = Heartbeats(eyes.store)
    refreshers = [start(), start()]
    until(lambda: len(heartbeats.seen()) == 2)
    first, _ = heartbeats.seen()
    until(lambda: heartbeats.seen()[first] > 0.5)
    until(lambda: heartbeats.seen()[first] < 0.5, what="it says so again")
    assert refreshers[0].terminate() == 0
    assert len(heartbeats.seen()) == 1, "who stops is listed no more"
    assert refreshers[1].terminate() == 0
    assert len(heartbeats.seen()) == 1, "but the last is remembered"


def test_tokens_survive_a_store_that_dies_during_the_exchange(
    tmp_path: Path, kimi: Simulator, start: Start, own_valkey: Valkey
) -> None:
    write(tmp_path, kimi.mint(kind="kimi", name="alice"))
    kimi.fault("slow", match={"endpoint": "exchange"}, seconds=0.5)
    refresher = start(REDIS_URL=own_valkey.url)
    until(lambda: kimi.state()["faults"][0]["struck"] == 1)
    own_valkey.kill()
    refresher.says("fresh tokens are not stored yet")
    own_valkey.start()
    eyes = Eyes(own_valkey.url)
    until(lambda: eyes.states() == {"alice": State.ACTIVE})
    assert eyes.record("alice").refresh == kimi.account("alice")["refresh_token"]
    assert kimi.account("alice")["exchanges"] == 1
    assert refresher.terminate() == 0
    eyes.redis.close()


def test_its_pages_are_served_on_the_port_that_is_set(
    tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes
) -> None:
    write(tmp_path, kimi.mint(kind="kimi", name="alice"))
    port = free_port()
    start(REFRESHER_METRICS_PORT=str(port)).says("refresher started")
    until(lambda: eyes.all_active("alice"))
    assert page(port, "/healthz") == "ok\n"
    until(lambda: 'kimi_refresher_refreshes_total{result="refreshed"} 1.0' in page(port, "/metrics"))
    assert 'kimi_accounts{kind="kimi",state="active"} 1.0' in page(port, "/metrics")


def refusal(refresher: Refresher) -> list[str]:
    """What it says when it does not start: exit code 2, and no traceback."""
    assert refresher.wait() == 2
    assert "Traceback" not in refresher.said()
    return refresher.said().splitlines()


def test_a_disk_that_hangs_holds_up_no_end(tmp_path: Path, kimi: Simulator, start_anew: Start, eyes: Eyes) -> None:
    write(tmp_path, kimi.mint(name="a0"))
    refresher = start_anew()
    until(lambda: eyes.all_active("a0"))
    os.mkfifo(tmp_path / "silent")
    (tmp_path / "silent").rename(tmp_path / "accounts.yaml")

    def is_read() -> bool:
        with suppress(OSError):  # nobody has opened it
            pipes.append(os.open(tmp_path / "accounts.yaml", os.O_WRONLY | os.O_NONBLOCK))
        return bool(pipes)

    pipes: list[int] = []
    until(is_read, what="it reads the file")
    assert refresher.terminate() == 0
    os.close(pipes[0])


def test_locks_last_as_long_as_what_they_guard(redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    redis = connect(redis_url)
    pool = Pool(Store(redis), Clock())
    lock = "kimi:{pool}:lock:a"
    with pool.held("a", 15), prolonging(pool.tokens, every=0.05):
        redis.pexpire(lock, 5_000)
        until(lambda: redis.pttl(lock) > 10_000, what="the lock was prolonged")
    assert redis.exists(lock) == 0

    pool = Pool(Unreachable(redis), Clock())
    with pool.held("a"), prolonging(pool.tokens, every=0.01):
        until(lambda: "locks were not prolonged" in capsys.readouterr().out, what="the failure is told, and no more")


class Unreachable(Store):
    """A store that can no longer be reached once a lock is held."""

    def run(self, name: str, *args: str | float) -> Any:
        raise StoreUnavailable("gone")


def test_every_bad_variable_is_named_at_once(start_anew: Start) -> None:
    refresher = start_anew(
        REDIS_URL="http://:secret@h",
        LOG_FORMAT="xml",
        REFRESHER_METRICS_PORT="0",
        REFRESHER_EXCHANGES_PER_SECOND="1e-17",
        KIMI_REFRESH_TOKENS="eyJ...,sk-abcdefgh",
    )
    said = refusal(refresher)
    assert said[0] == "refresher: bad settings:"
    assert sorted(line.split(":")[0].strip() for line in said[1:]) == [
        "KIMI_REFRESH_TOKENS",
        "LOG_FORMAT",
        "REDIS_URL",
        "REFRESHER_EXCHANGES_PER_SECOND",
        "REFRESHER_METRICS_PORT",
    ]


def test_bad_tokens_are_not_judged_by_a_bad_kind(start_anew: Start) -> None:
    (_, line) = refusal(start_anew(KIMI_KIND="moon", KIMI_REFRESH_TOKENS="eyJ..."))
    assert line.startswith("  KIMI_KIND: ")


def test_a_broken_accounts_file_is_told_whole(tmp_path: Path, start_anew: Start) -> None:
    (tmp_path / "mine.yaml").write_text("accounts: [{name: a}, {kind: kimi}, 5]", encoding="utf-8")
    said = refusal(start_anew(KIMI_ACCOUNTS_FILE="mine.yaml"))
    assert said[0] == "refresher: mine.yaml: accounts[0] (a): refresh_token is missing"
    assert len(said) == 4


def test_an_accounts_file_that_was_named_has_to_exist(start_anew: Start, eyes: Eyes) -> None:
    assert refusal(start_anew(KIMI_ACCOUNTS_FILE="gone.yaml")) == ["refresher: gone.yaml: there is no such file"]
    assert Sealers(eyes.store).living() == {}, "it does not count as one at work"


def test_a_store_that_does_not_answer_is_told_in_a_line(start_anew: Start) -> None:
    (line,) = refusal(start_anew(REDIS_URL=f"redis://:secret@127.0.0.1:{free_port()}/0"))
    assert line.startswith("refresher: Redis does not answer: ")
    assert line.endswith("; check REDIS_URL") and ".;" not in line


def test_a_port_that_is_taken_is_told_in_a_line(start_anew: Start) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104
        port = taken.getsockname()[1]
        said = refusal(start_anew(REFRESHER_METRICS_PORT=str(port)))
    assert said[-1].startswith(f"refresher: REFRESHER_METRICS_PORT: cannot listen on {port}: ")


def test_it_can_say_whether_it_would_start(tmp_path: Path, kimi: Simulator, start_anew: Start, eyes: Eyes) -> None:
    write(tmp_path, kimi.mint(kind="kimi", name="alice"))
    good = start_anew("--check")
    assert good.wait() == 0
    assert good.said() == "refresher: settings, store and accounts (1) are in order\n"
    assert eyes.states() == {}
    (line,) = refusal(start_anew("--check", KIMI_ACCOUNTS_FILE="gone.yaml"))
    assert "no such file" in line


def test_a_pool_that_was_given_another_name_spends_no_token_of_the_first(
    tmp_path: Path, kimi: Simulator, start: Start, start_anew: Start, eyes: Eyes
) -> None:
    write(tmp_path, kimi.mint(kind="kimi", name="alice"))
    first = start()
    until(lambda: eyes.all_active("alice"))
    assert first.terminate() == 0
    start(KIMI_POOL="cell-2").says("accounts are not taken that another pool has")
    (line,) = refusal(start_anew("--check", KIMI_POOL="cell-2"))
    assert "the pool pool in this Redis has alice" in line
    assert kimi.state()["totals"]["reused"] == 0
