"""A request's files on their way to the account that is asked."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import gevent
import pytest

from gateway.file_room import FETCHES, IN_MEMORY, ON_DISK, ROOM_BYTES, FileRoom
from gateway.files import MOST_FILES, Files
from gateway.server.room import RESERVE
from gateway.turn import Turn
from kimi.accounts import Account, Kind
from kimi.chat import Attachment, Chat, Message, Upload
from kimi.errors import BrokenAnswer, Crowded, FileRefused, Overloaded, RequestInvalid, StoreUnavailable
from kimi.events import ChatOpened, Text
from kimi.files import Blob
from kimi.files.fetching import MOST_BYTES
from kimi.files.spool import MEMORY_BYTES
from tests.gateway.houses import HELLO, House, MakeHouse, read, texts
from tests.gateway.scripted import ScriptedUpstream, hang, wait_until
from tests.kimi.files.blobs import blob
from tests.kimi.files.samples import PDF
from tests.kimi.loopback import Peer, Server, ok
from tests.kimi.pool.pools import KIMI, web


def data(content: bytes) -> str:
    return f"data:;base64,{base64.b64encode(content).decode()}"


def said(*urls: str, number: int = 0) -> Message:
    return Message("user", "?", tuple(Attachment(url, f"{number}.{at}", "a.pdf") for at, url in enumerate(urls)))


def chat(*messages: Message) -> Chat:
    return Chat(model="kimi", messages=messages)


@dataclass
class Reader(ScriptedUpstream):
    """A scripted upstream that takes files."""

    uploads: list[tuple[str, str, bytes]] = field(default_factory=list)
    refusal: BaseException | None = None

    def upload(self, blob: Blob, account: Account, token: str, alive: Callable[[], object]) -> Upload:
        assert token.startswith(f"access-{account.name}-")
        alive()
        if self.refusal is not None:
            raise self.refusal
        self.uploads.append((account.name, blob.name, blob.content.read()))
        blob.content.seek(0)
        return Upload(f"id-{len(self.uploads)}", blob.name, blob.size, blob.media, blob.is_image)


@pytest.fixture
def reader() -> Reader:
    return Reader([HELLO])


@pytest.fixture
def house(make_house: MakeHouse, reader: Reader) -> House:
    house = make_house(upstream=reader)
    house.pool.fill(web("a"))
    return house


def ask(house: House, *messages: Message, model: str = "kimi") -> str:
    text = texts(read(house.start(model, chat(*messages))))
    house.settle()
    return text


def sent(reader: Reader) -> list[tuple[str, ...]]:
    """The ids of the files of each question."""
    return [tuple(upload.id for upload in question.files) for _, _, question in reader.asked]


def test_files_are_given_to_the_account_that_is_asked(house: House, reader: Reader) -> None:
    assert ask(house, said(data(PDF)), said(data(b"text"), number=1)) == "Hello"
    assert reader.uploads == [("a", "a.pdf", PDF), ("a", "a.txt", b"text")]
    assert sent(reader) == [("id-1", "id-2")]


def test_the_same_content_is_uploaded_once_for_each_account(house: House, reader: Reader) -> None:
    ask(house, said(data(PDF), data(PDF), data(PDF) + "\n"))
    ask(house, said(data(b"new"), data(PDF)))
    assert [content for _, _, content in reader.uploads] == [PDF, b"new"]
    assert sent(reader) == [("id-1",), ("id-2", "id-1")]


def test_nobody_is_told_what_others_call_the_same_content(house: House, reader: Reader) -> None:
    def asked(name: str, scope: str) -> str:
        question = chat(Message("user", "?", (Attachment(data(PDF), "0", name),)))
        read(house.start(chat=question, turn=Turn(scope=scope)))
        house.settle()
        return reader.asked[-1][-1].files[0].name

    assert [asked("layoffs.pdf", "a"), asked("a.pdf", "b"), asked("b.pdf", "b")] == ["layoffs.pdf", "a.pdf", "b.pdf"]
    assert [asked("layoffs.pdf", "a"), asked("a.pdf", "b")] == ["layoffs.pdf", "a.pdf"]
    assert len(reader.uploads) == 3, "what the same client has given is not given again"
    assert asked("layoffs.pdf", "b") == "layoffs.pdf"
    assert len(reader.uploads) == 4, "what another has given under this name is"


def test_another_account_is_given_them_as_well(house: House, reader: Reader) -> None:
    house.pool.fill(web("a", priority=1), web("b"))
    reader.by_account = {"a": [(Overloaded("tired"),)]}
    assert ask(house, said(data(PDF))) == "Hello"
    assert reader.uploads == [("a", "a.pdf", PDF), ("b", "a.pdf", PDF)]
    assert sent(reader) == [("id-1",), ("id-2",)]


@pytest.mark.parametrize("failure", [BrokenAnswer("404 not found"), RequestInvalid("unknown file")])
def test_a_file_that_is_gone_upstream_is_uploaded_anew(house: House, reader: Reader, failure: Exception) -> None:
    ask(house, said(data(PDF)))
    reader.scripts = [(failure,), HELLO]
    assert ask(house, said(data(PDF))) == "Hello"
    assert sent(reader) == [("id-1",), ("id-1",), ("id-2",)]


def test_a_failure_of_the_account_is_no_reason_to_upload_anew(house: House, reader: Reader) -> None:
    ask(house, said(data(PDF)))
    reader.scripts = [(Overloaded("tired"),)]
    with pytest.raises(Overloaded):
        ask(house, said(data(PDF)))
    assert house.pool.store.redis.keys("*upload:a:*") != []


def test_what_a_new_file_fails_with_is_the_clients_affair(house: House, reader: Reader) -> None:
    reader.scripts = [(RequestInvalid("no"),)]
    with pytest.raises(RequestInvalid):
        ask(house, said(data(PDF)))
    assert len(reader.asked) == 1


def test_a_file_that_cannot_be_had_costs_no_account(house: House, reader: Reader) -> None:
    with pytest.raises(FileRefused, match="is empty") as caught:
        ask(house, said(data(PDF), data(b"")))
    assert caught.value.param == "0.1"
    house.settle()
    assert (reader.asked, reader.uploads) == ([], [])


def test_a_file_that_kimi_does_not_read_is_not_tried_elsewhere(house: House, reader: Reader) -> None:
    house.pool.fill(web("a"), web("b"))
    reader.refusal = FileRefused("could not be read by Kimi", name="a.pdf")
    with pytest.raises(FileRefused):
        ask(house, said(data(PDF)))
    assert reader.asked == []


def test_an_upstream_that_takes_no_files_is_asked_without(make_house: MakeHouse) -> None:
    house = make_house(upstream=ScriptedUpstream([HELLO]))
    house.pool.fill(web("a"))
    assert ask(house, said(data(PDF))) == "Hello"


def test_for_an_official_key_nothing_is_fetched(house: House, reader: Reader) -> None:
    house.pool.fill(Account(name="key", kind=Kind.MOONSHOT), models=("kimi-official",))
    assert ask(house, said("http://10.0.0.1/nowhere"), model="kimi-official") == "Hello"
    assert (reader.uploads, sent(reader)) == ([], [()])


class Away:
    """A memory that cannot be reached."""

    def known(self, account: str, keys: Collection[str]) -> Mapping[str, Upload]:
        raise StoreUnavailable

    def keep(self, account: str, key: str, upload: Upload) -> None:
        raise StoreUnavailable

    def forget(self, account: str, keys: Collection[str]) -> None:
        raise StoreUnavailable


def test_without_redis_files_are_uploaded_as_well(house: House, reader: Reader) -> None:
    luggage = Files(house.fetcher, Away()).luggage(["kimi"], "whose")
    question = chat(said(data(PDF)))
    luggage.fetch(question.messages)
    lease = house.pool.leases.acquire(KIMI)
    signs: list[None] = []
    luggage.give(question, lease, reader, lambda: signs.append(None))
    assert signs == [None]
    assert reader.uploads == [("a", "a.pdf", PDF)]
    luggage.close()
    house.pool.leases.release(lease)


class Stuck:
    """A memory that knows every file, and cannot forget one in time."""

    def known(self, account: str, keys: Collection[str]) -> Mapping[str, Upload]:
        return {key: Upload("old", "a.pdf", 1, "application/pdf", is_image=False) for key in keys}

    def keep(self, account: str, key: str, upload: Upload) -> None:
        pass

    def forget(self, account: str, keys: Collection[str]) -> None:
        hang()


def test_a_client_that_leaves_while_a_file_is_being_forgotten_takes_nothing_along(make_house: MakeHouse) -> None:
    reader = Reader([(ChatOpened("c1"), BrokenAnswer("404 not found"))])
    house = make_house(upstream=reader, uploads=Stuck())
    house.pool.fill(web("a"))
    completion = house.start(chat=chat(said(data(PDF))))
    wait_until(lambda: reader.closed == 1)
    completion.close()
    house.settle()
    assert reader.opened == set()


@dataclass
class Source:
    """Files of any size, the one called `never` does not come."""

    size: int = 1
    fetched: list[Blob] = field(default_factory=list)

    def fetch(self, attachment: Attachment) -> Blob:
        if attachment.url == "never":
            hang()
        self.fetched.append(replace(blob(attachment.url.encode()), size=self.size, where=attachment.where))
        return self.fetched[-1]


def test_a_client_that_leaves_ends_the_fetching(make_house: MakeHouse) -> None:
    source = Source()
    house = make_house(fetcher=source)
    completion = house.start(chat=chat(said("a", "never")))
    wait_until(lambda: len(source.fetched) == 1 and completion.is_fetching)
    completion.close()
    assert house.completions.join(5)
    assert source.fetched[0].content.closed and not completion.is_fetching


def test_what_was_fetched_is_gone_with_the_request(make_house: MakeHouse) -> None:
    source = Source()
    house = make_house(upstream=Reader([HELLO]), fetcher=source)
    house.pool.fill(web("a"))
    ask(house, said("a", "b", "a"))
    assert [each.content.closed for each in source.fetched] == [True, True]


def test_of_too_many_files_the_newest_count(house: House, reader: Reader) -> None:
    many = [said(data(b"%d" % number), number=number) for number in range(MOST_FILES + 2)]
    ask(house, *many)
    assert [content for _, _, content in reader.uploads] == [b"%d" % number for number in range(2, 52)]


def test_all_files_together_have_a_limit(make_house: MakeHouse) -> None:
    house = make_house(upstream=Reader([HELLO]), fetcher=Source(100 * 1024 * 1024))
    with pytest.raises(FileRefused, match="is too much: all files of a request together may have 300 MB") as caught:
        ask(house, said("a", "b", "c", "d"))
    assert caught.value.param == "0.3"


def held(files: Files) -> int:
    return ROOM_BYTES - files.room.room.left


def test_what_a_file_takes_is_free_as_soon_as_nobody_else_is_asked(make_house: MakeHouse) -> None:
    source = Source()
    reader = Reader([(ChatOpened("c1"), Text("Hel"), 30.0)])
    house = make_house(upstream=reader, fetcher=source)
    house.pool.fill(web("a"))
    completion = house.start(chat=chat(said("a", "b", data(PDF))))
    wait_until(lambda: any(completion.next(1)))
    assert [each.content.closed for each in source.fetched] == [True] * 3 and held(house.files) == 0
    completion.close()
    house.settle()


def test_of_files_on_their_way_there_are_no_more_than_there_is_room_for() -> None:
    room = FileRoom(8 * ON_DISK, seconds=0.01)
    files, (a, b, c) = Files(Source(1_000_000), Away(), room=room), (f"data:,{letter:>100000}" for letter in "abc")
    first, second = (files.luggage(["kimi"], "whose") for _ in range(2))
    first.fetch([said(a, b)])
    assert room.room.left == 6 * ON_DISK
    with pytest.raises(Crowded, match="too many files"):
        second.fetch([said(a, b, c)])
    other = files.luggage(["kimi"], "other")
    other.fetch([said(a)])
    for luggage in (first, second, other):
        luggage.close()
    assert room.room.left == 8 * ON_DISK


def test_small_files_count_as_well_and_none_costs_less_than_it_takes() -> None:
    files = Files(Source(), Away())
    luggage = files.luggage(["kimi"], "whose")
    luggage.fetch([said("a", "b", "b")])
    assert held(files) == 2 * IN_MEMORY
    luggage.close()
    assert held(files) == 0
    assert ROOM_BYTES // IN_MEMORY * MEMORY_BYTES <= 128 * 1024 * 1024
    assert ROOM_BYTES // ON_DISK <= RESERVE - 256


def test_of_one_caller_only_so_many_servers_are_listened_to_at_a_time() -> None:
    files = Files(Source(), Away(), room=FileRoom(seconds=0.01))
    stuck = [gevent.spawn(files.luggage(["kimi"], "whose").fetch, [said("never")]) for _ in range(FETCHES // 2)]
    wait_until(lambda: files.room.fetches.left == FETCHES - len(stuck))
    with pytest.raises(Crowded):
        files.luggage(["kimi"], "whose").fetch([said("a")])
    for scope, url in (("other", "a"), ("whose", "data:,a")):
        luggage = files.luggage(["kimi"], scope)
        luggage.fetch([said(url)])
        luggage.close()
    stuck.append(gevent.spawn(files.luggage(["kimi"], "whose").fetch, [said("a")]))
    gevent.idle()  # until it cannot go on
    assert held(files) == FETCHES // 2 * MOST_BYTES, "who waits for his turn takes no room"
    gevent.killall(stuck)
    assert held(files) == 0 and files.room.fetches.left == FETCHES


@pytest.mark.parametrize(
    ("file_seconds", "seconds", "reason"),
    [
        (0.05, 60, "it took longer than 0.05 s"),
        (60, 0.05, "all files of a request together may take 0.05 s"),
    ],
)
def test_fetching_takes_no_longer_than_it_may(file_seconds: float, seconds: float, reason: str) -> None:
    luggage = Files(Source(), Away(), file_seconds=file_seconds, seconds=seconds).luggage(["kimi"], "whose")
    with pytest.raises(FileRefused) as caught:
        luggage.fetch([said("never")])
    assert str(caught.value) == f'The file "a.pdf" could not be fetched: {reason}.'
    assert not luggage.is_fetching


def test_a_file_from_the_web_reaches_kimi(house: House, reader: Reader) -> None:
    def serve(peer: Peer) -> None:
        peer.request()
        peer.send(ok(PDF, "Connection: close"))

    with Server(serve) as server:
        assert ask(house, said(f"{server.url}/a")) == "Hello"
    assert reader.uploads == [("a", "a.pdf", PDF)]
