"""What the command line says of secrets in Redis, and that it seals them anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from gateway.cli import main
from kimi.operating.audit import Audit
from kimi.pool.canary import Canary
from kimi.pool.resealing import Resealing
from kimi.pool.sealers import Sealers
from kimi.sealing_keys import new_key
from tests.kimi.pool.pools import Pool, present, web
from tests.kimi.pool.sealing import freshened, seen_plainly, with_keys
from tests.ports import free_port
from tests.valkey import Valkey

OLD, NEW, OTHER = new_key(), new_key(), new_key()
SECRETS = ("refresh-a-2", "access-a-2", "proxy-password")


@dataclass(frozen=True)
class Place:
    """A pool of two accounts, of which one has a proxy, without keys as yet."""

    pool: Pool
    url: str

    def run(self, command: str, *keys: str, url: str = "") -> Result:
        env = {"REDIS_URL": url or self.url, "TOKEN_ENCRYPTION_KEYS": ",".join(keys)}
        return CliRunner().invoke(main, ["secrets", *command.split()], env=env)

    def told(self, command: str, *keys: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.run(f"{command} --json", *keys).stdout)
        return found

    def seal(self, key: str) -> None:
        """What processes do that have this key."""
        Canary(with_keys(self.pool, key).store).keep()
        for name in ("a", "b"):
            freshened(self.pool, key, name=name)


@pytest.fixture
def place(redis_url: str) -> Iterator[Place]:
    with present(redis_url) as pool:
        pool.configure(web("a", proxy="http://user:proxy-password@proxy:1"), web("b"))
        yield Place(pool, redis_url)


def test_a_key_is_all_that_is_written() -> None:
    result = CliRunner().invoke(main, ["secrets", "key"], env={"REDIS_URL": "nonsense"})
    assert (result.exit_code, result.stderr) == (0, "")
    assert Fernet(result.stdout.strip()).encrypt(b"a token")
    assert result.stdout != CliRunner().invoke(main, ["secrets", "key"]).stdout


def test_secrets_are_counted_by_the_keys_that_they_are_sealed_with(place: Place) -> None:
    assert place.told("status", NEW)["plain"] == 3
    place.seal(OLD)
    lines = place.run("status", NEW, OTHER, OLD).stdout.splitlines()
    assert [line.split(maxsplit=2) for line in lines[:6]] == [
        ["KEY", "SECRETS"],
        ["1", "0", "seals what is written"],
        ["2", "0", "can be dropped"],
        ["3", "4", "is needed"],
        ["plain", "1"],
        ["unreadable", "0"],
    ]
    assert lines[7] == "Secrets: 1 of 5 stand in Redis in plain text."
    assert "secrets rotate" in lines[8]
    told = place.told("status", NEW, OTHER, OLD)
    assert (told["keys"], told["sealed"], told["droppable"], told["unreadable"]) == (3, [0, 0, 4], [2], 0)


def test_secrets_that_no_key_opens_are_said_with_exit_code_1(place: Place) -> None:
    place.seal(OLD)
    for keys in ((NEW,), ()):
        result = place.run("status", *keys)
        assert result.exit_code == 1
        assert "4 of 5 cannot be opened, of a, b" in result.stdout and "TOKEN_ENCRYPTION_KEYS" in result.stdout


def test_all_are_sealed_with_the_first_key_and_the_others_can_go(place: Place) -> None:
    place.seal(OLD)
    result = place.run("rotate", NEW, OLD)
    assert result.exit_code == 0
    first, second, _, *status = result.stdout.splitlines()
    assert first == "5 secrets sealed with the first key."
    assert second == "Redis writes its append-only file anew; back-ups from before hold what was there."
    assert status == place.run("status", NEW, OLD).stdout.splitlines()
    assert status[-1] == "Secrets: all 5 are sealed with the first key; all others can be dropped."
    assert seen_plainly(place.pool.store.redis, *SECRETS) == []
    assert place.told("status", NEW).items() >= {"sealed": [5], "unreadable": 0, "advice": ""}.items()
    again = place.told("rotate", NEW, OLD)
    assert (again["changed"], again["left"], again["droppable"]) == (0, 0, [2])
    (entry, *_) = Audit(place.pool.store).entries()
    assert (entry.who, entry.action) == ("command line", "rotate secrets")


def test_what_is_on_the_disk_from_before_is_said_where_it_stays(own_valkey: Valkey) -> None:
    with present(own_valkey.url) as pool:
        pool.configure(web("a"))
        place = Place(pool, own_valkey.url)
        Canary(with_keys(pool, NEW).store).keep()
        pool.store.redis.execute_command("ACL", "SETUSER", "default", "-bgrewriteaof")
        result = place.run("rotate", NEW)
        assert result.exit_code == 0 and "Redis does not write its append-only file anew" in result.stdout
        assert place.told("rotate", NEW).items() >= {"left": 0, "rewrites": False}.items()


@pytest.mark.parametrize(
    ("saves", "said"),
    [
        ("", "Redis keeps no file of its own; back-ups from before hold what was there."),
        ("3600 1", "Redis writes its snapshot (dump.rdb) anew; back-ups from before hold what was there."),
    ],
)
def test_where_there_is_no_append_only_file_none_is_said_to_be_written(
    own_valkey: Valkey, saves: str, said: str
) -> None:
    with present(own_valkey.url) as pool:
        pool.configure(web("a"))
        Canary(with_keys(pool, NEW).store).keep()
        pool.store.redis.config_set("appendonly", "no")
        pool.store.redis.config_set("save", saves)
        result = Place(pool, own_valkey.url).run("rotate", NEW)
        assert (result.exit_code, result.stdout.splitlines()[1]) == (0, said)


def test_a_rotation_that_was_interrupted_goes_on(place: Place) -> None:
    place.seal(OLD)
    freshened(place.pool, NEW, OLD, name="a")  # it came so far
    assert place.told("status", NEW, OLD)["sealed"] == [2, 2]
    assert place.told("rotate", NEW, OLD).items() >= {"changed": 3, "left": 0, "sealed": [5, 0]}.items()


def test_what_no_key_opens_is_named_and_stays_and_the_older_key_can_go(place: Place) -> None:
    place.seal(OLD)
    freshened(place.pool, OTHER, name="b")
    result = place.run("rotate", NEW, OLD)
    assert result.exit_code == 0, "what can be done is done"
    assert result.stdout.startswith("3 secrets sealed with the first key, 2 that no key opens.\n")
    assert "run it again" not in result.stdout and "2 of 5 cannot be opened, of b" in result.stdout
    told = place.told("rotate", NEW, OLD)
    assert told.items() >= {"changed": 0, "left": 0, "unreadable": 2, "droppable": [2], "level": "problem"}.items()
    assert (told["accounts"], place.run("status", NEW).exit_code) == (["b"], 1)
    assert with_keys(place.pool, OTHER).members.get("b") is not None


def test_who_has_sealed_what_cannot_be_opened_is_named(place: Place) -> None:
    place.seal(OTHER)
    Sealers(with_keys(place.pool, OTHER).store, "refresher there-1").beat()
    status, rotate = place.run("status", OLD), place.run("rotate", OLD)
    assert (status.exit_code, rotate.exit_code) == (1, 1)
    assert "4 of 5 cannot be opened, of a, b" in status.stdout
    for said in (status.stdout, rotate.stderr):
        assert "a key that is not here is the first one of refresher there-1" in said
        assert "give refresher there-1 the same TOKEN_ENCRYPTION_KEYS" in said


def test_nothing_is_sealed_anew_while_somebody_seals_with_another_key(place: Place) -> None:
    place.seal(OLD)
    gateway = Sealers(with_keys(place.pool, OLD).store, "gateway here-1")
    gateway.beat()
    before = place.pool.store.redis.hgetall(place.pool.store.key("account", "a"))
    result = place.run("rotate", NEW, OLD)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "give gateway here-1 the same TOKEN_ENCRYPTION_KEYS" in result.stderr
    assert place.pool.store.redis.hgetall(place.pool.store.key("account", "a")) == before
    gateway.leave()
    with_both = Sealers(with_keys(place.pool, NEW, OLD).store, "gateway here-1")
    with_both.beat()
    assert place.run("rotate", NEW, OLD).exit_code == 0


def test_a_key_with_which_somebody_goes_on_sealing_cannot_be_dropped(place: Place) -> None:
    place.seal(NEW)
    freshened(place.pool, NEW, name="a")
    Resealing(with_keys(place.pool, NEW).store).seal_plain()
    refresher = Sealers(with_keys(place.pool, OLD, NEW).store, "refresher here-1")
    refresher.beat()
    told = place.told("status", NEW, OLD)
    assert (told["sealed"], told["droppable"], told["processes"]) == ([5, 0], [], {"refresher here-1": 2})
    assert place.run("status", NEW, OLD).stdout.splitlines()[2].split(maxsplit=2) == ["2", "0", "is needed"]
    assert "a key that is not here is the first one of refresher here-1" in place.run("status", NEW).stdout
    refresher.leave()
    assert place.told("status", NEW, OLD)["droppable"] == [2]


@pytest.mark.parametrize(
    ("sealed", "keys", "exit_code", "said"),
    [
        (None, (), 1, "there is no key to seal with"),
        (None, (NEW,), 1, "no refresher has started with keys yet"),
        (OLD, (NEW,), 2, "no key of TOKEN_ENCRYPTION_KEYS opens what Redis holds"),
        (OLD, ("nonsense",), 2, "TOKEN_ENCRYPTION_KEYS"),
    ],
    ids=["no keys", "no refresher", "other keys", "no key at all"],
)
def test_what_others_could_not_read_is_not_sealed(
    place: Place, sealed: str | None, keys: tuple[str, ...], exit_code: int, said: str
) -> None:
    if sealed:
        place.seal(sealed)
    before = place.pool.store.redis.hgetall(place.pool.store.key("account", "a"))
    result = place.run("rotate", *keys)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert said in result.stderr and "Traceback" not in result.stderr
    assert not any(key in result.stderr for key in keys)
    assert place.pool.store.redis.hgetall(place.pool.store.key("account", "a")) == before


def test_nothing_is_sealed_while_gateways_alone_have_keys(place: Place) -> None:
    freshened(place.pool, NEW, name="b")  # as an account that is added at one of them
    assert "no refresher has started with keys yet" in place.run("rotate", NEW).stderr
    assert place.told("status", NEW).items() >= {"plain": 2, "sealed": [2]}.items()


def test_a_redis_that_does_not_answer_is_one_line_and_exit_code_2(place: Place) -> None:
    result = place.run("status", NEW, url=f"redis://127.0.0.1:{free_port()}/0")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1 and "Redis does not answer" in result.stderr
