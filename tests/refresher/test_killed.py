"""What becomes of accounts and chats when processes are killed or stopped, and answers lost."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

from devtools.waiting import until
from kimi.accounts import State
from kimi.pool import Chats, Leases
from kimi.pool.chats import StandingChat
from tests.kimi.pool.pools import KIMI
from tests.ports import free_port
from tests.refresher.running import Eyes, Start, page, write
from tests.simulator.running import Simulator
from tests.valkey import Valkey


def test_a_refresher_that_is_killed_during_an_exchange_leaves_word_of_it(
    tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes
) -> None:
    write(tmp_path, kimi.mint(kind="kimi", name="alice"))
    kimi.fault("hang", match={"endpoint": "exchange"})
    refresher = start()
    until(lambda: kimi.state()["faults"][0]["struck"] == 1)
    assert refresher.process is not None
    refresher.process.kill()
    refresher.wait()
    eyes.expire_lock("alice")
    start().says("an exchange was cut off before its answer was stored")
    until(lambda: eyes.all_active("alice"))
    assert eyes.record("alice").refresh == kimi.account("alice")["refresh_token"]


def test_an_answer_that_was_lost_on_the_way_is_reported_apart(
    tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes
) -> None:
    alice, bob = (kimi.mint(kind="kimi", name=name) for name in ("alice", "bob"))
    kimi.fault("lost_reply", match={"endpoint": "exchange", "account": "alice"})
    kimi.account("bob", revoke_refresh=True)
    write(tmp_path, alice, bob)
    port = free_port()
    start(REFRESHER_METRICS_PORT=str(port))
    until(lambda: set(eyes.states().values()) == {State.DEAD})
    assert "lost on the way" in eyes.record("alice").reason
    assert "lost on the way" not in eyes.record("bob").reason
    counted = [f'kimi_refresher_refreshes_total{{result="{result}"}} 1.0' for result in ("lost", "dead")]
    until(lambda: all(line in page(port, "/metrics") for line in counted))


def test_a_refresher_that_was_only_stopped_brings_back_the_account_that_others_gave_up(
    tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes
) -> None:
    write(tmp_path, kimi.mint(kind="kimi", name="alice"))
    kimi.fault("slow", match={"endpoint": "exchange"}, seconds=0.5)
    stopped = start()
    until(lambda: kimi.state()["faults"][0]["struck"] == 1)
    assert stopped.process is not None
    stopped.process.send_signal(signal.SIGSTOP)
    eyes.expire_lock("alice")
    start()
    until(lambda: eyes.states() == {"alice": State.DEAD}, seconds=30)
    stopped.process.send_signal(signal.SIGCONT)
    until(lambda: eyes.all_active("alice"), seconds=30)
    assert eyes.record("alice").refresh == kimi.account("alice")["refresh_token"]


def test_chats_that_nobody_else_deletes_are_deleted(tmp_path: Path, kimi: Simulator, start: Start, eyes: Eyes) -> None:
    write(tmp_path, kimi.mint(kind="kimi-classic", name="alice"))
    refresher = start()
    until(lambda: eyes.all_active("alice"))
    answer = kimi.session.post(
        f"{kimi.url}/api/chat",
        json={"name": "left behind", "is_example": False},
        headers={"Authorization": f"Bearer {eyes.record('alice').access}"},
        timeout=10,
    )
    chats = Chats(eyes.store)
    chats.note({StandingChat(answer.json()["id"], "alice"): 0.0})
    assert kimi.account("alice")["chats_alive"] == 1
    until(lambda: kimi.account("alice")["chats_alive"] == 0, seconds=30)
    refresher.says("chats deleted that were left behind")
    assert chats.count() == 0
    assert refresher.terminate() == 0


def test_an_account_that_one_refresher_condemned_after_a_restore_is_brought_back_by_the_other(
    tmp_path: Path, kimi: Simulator, start: Start, own_valkey: Valkey
) -> None:
    write(tmp_path, kimi.mint(kind="kimi", name="alice"))
    keeper = start(REDIS_URL=own_valkey.url)
    eyes = Eyes(own_valkey.url)
    until(lambda: eyes.all_active("alice") and not eyes.is_locked("alice"))
    own_valkey.stop()
    shutil.copytree(own_valkey.directory, tmp_path / "older")
    own_valkey.start()
    reject(eyes)
    until(lambda: eyes.record("alice").version == 3 and not eyes.is_locked("alice"))

    assert keeper.process is not None
    keeper.process.send_signal(signal.SIGSTOP)
    own_valkey.kill()
    shutil.rmtree(own_valkey.directory)
    shutil.copytree(tmp_path / "older", own_valkey.directory)
    own_valkey.start()
    start(REDIS_URL=own_valkey.url).says("refresher started")
    assert eyes.record("alice").version == 2
    reject(eyes)
    until(lambda: eyes.states() == {"alice": State.DEAD})
    keeper.process.send_signal(signal.SIGCONT)
    until(lambda: eyes.all_active("alice") and not eyes.record("alice").rejected)
    assert eyes.record("alice").refresh == kimi.account("alice")["refresh_token"]
    assert kimi.account("alice")["reused"] == 2, "what was stored, and what stood there before"
    eyes.redis.close()


def reject(eyes: Eyes) -> None:
    """The upstream refuses the access token, so that another is wanted at once."""
    leases = Leases(eyes.store)
    leases.reject(leases.acquire(KIMI))
