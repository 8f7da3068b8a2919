"""`./dev capture`: one exchange with Kimi, written down so that it can be shown to others and played again.

The access token is the one that stands in Redis: nothing is exchanged, so no account can be lost by it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from devtools import configuration
from devtools.captures import Capture, Question
from devtools.command import noted, store_url
from devtools.recorder import Recorder, ask, fit_to_show, play
from devtools.saying import Trouble, complain, say
from kimi import claims
from kimi.accounts import Account, Record
from kimi.chat import Feature
from kimi.errors import KimiError, StoreUnavailable, Unreadable
from kimi.events import ChatOpened, Event
from kimi.http import Endpoints, Http, Transport
from kimi.pool import Members, Store, open_store
from kimi.settings import CommonSettings, SettingsError, load
from kimi.upstreams import KeepsChats
from kimi.upstreams.identity import made_up_device
from kimi.upstreams.line import Line
from kimi.upstreams.registry import build

ASKED: Final = "用一句话介绍月亮，再用英语说一遍。"
WARNING: Final = (
    "Tokens, keys, headers and what names the account are overwritten.\n"
    "The question, the answer and the title of the chat are in it as they are: read it before you pass it on."
)


@dataclass(frozen=True, slots=True)
class Access:
    """An account, and the token with which it is asked."""

    account: Account
    token: str = field(repr=False)

    @property
    def known(self) -> tuple[str, ...]:
        """What of it must not stand in a recording."""
        said = claims.read(self.token)
        account = self.account
        return tuple(filter(None, (self.token, said.sub, said.ssid, said.device_id, made_up_device(account.name))))


def main(arguments: Sequence[str] | None = None) -> int:
    """Record; returns the exit code."""
    wanted = _parser().parse_args(arguments)
    try:
        question, access, endpoints = _prepared(wanted)
        capture = record(Transport(), question, access, endpoints)
        _write(wanted.output, capture)
    except (Trouble, SettingsError) as trouble:
        complain(trouble if isinstance(trouble, Trouble) else Trouble(str(trouble)))
        return 1
    outcome = capture.outcome
    came = f"it ended in {outcome.error}" if outcome.error else f"{len(outcome.text)} characters, {outcome.finish}"
    say(f"{wanted.output}: {len(capture.exchanges)} requests of account {access.account.name}; {came}.\n{WARNING}")
    return 0


def record(http: Http, question: Question, access: Access, endpoints: Endpoints) -> Capture:
    """Asks, and writes down what goes over the wire. The outcome is what playing the recording gives.

    A chat that is left by it is deleted.
    """
    account, recorder = access.account, Recorder(http)
    seen: list[Event] = []
    try:
        ask(recorder, question, account, access.token, endpoints, see=seen.append)
    finally:
        _delete([event.chat_id for event in seen if isinstance(event, ChatOpened)], http, access, endpoints)
    base = endpoints.chat(account)
    exchanges = tuple(fit_to_show(exchange, base, access.known) for exchange in recorder.exchanges)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    capture = Capture(question, made, exchanges)
    return replace(capture, outcome=play(capture))


def _delete(chats: Sequence[str], http: Http, access: Access, endpoints: Endpoints) -> None:
    upstream = build(Line(http, endpoints))[access.account.kind]
    if not isinstance(upstream, KeepsChats):
        return
    for chat_id in chats:
        try:
            upstream.delete_chat(chat_id, access.account, access.token)
        except KimiError as error:
            say(f"The chat {chat_id} of account {access.account.name} could not be deleted: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev capture", description="Record one exchange with Kimi, redacted.")
    parser.add_argument("--account", default="", help="whose token is used; needed where there are several")
    parser.add_argument("--model", default="kimi", help="a base name, as kimi or kimi-k2.6 (default: kimi)")
    features = [feature.value for feature in Feature]
    parser.add_argument("--feature", action="append", default=[], choices=features, help="may be given several times")
    parser.add_argument("--message", default=ASKED, help="what is asked")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write; it must not exist")
    return parser


def _prepared(wanted: argparse.Namespace) -> tuple[Question, Access, Endpoints]:
    if wanted.output.exists():
        raise Trouble(f"{wanted.output} exists already; name another file.")
    root = Path.cwd()
    played = {name.lower(): value for name, value in noted(root, configuration.UPSTREAMS).items()}
    settings = load(CommonSettings).model_copy(update={**played, "redis_url": store_url(root)})
    with open_store(settings) as store:
        access = find(store, wanted.account, time.time())
    features = tuple(map(Feature, wanted.feature))
    question = Question(access.account.kind, wanted.model, wanted.message, features)
    return question, access, settings.endpoints


def find(store: Store, name: str, now: float) -> Access:
    """The account of that name, or the only one, with its access token. Raises Trouble."""
    try:
        return _usable(_named(Members(store).all(), name), now)
    except StoreUnavailable as error:
        raise Trouble(f"{error}." if isinstance(error, Unreadable) else f"{error}; check REDIS_URL.") from error


def _named(known: Sequence[Record], name: str) -> Record:
    records = [record for record in known if record.configured]
    found = [record for record in records if name in ("", record.account.name)]
    if len(found) != 1:
        names = ", ".join(record.account.name for record in records) or "none"
        raise Trouble(f"name one account with --account; there are: {names}.")
    return found[0]


def _usable(record: Record, now: float) -> Access:
    name = record.account.name
    if not record.has_access or record.access_expires <= now or record.rejected:
        why = record.reason or record.state.value
        raise Trouble(f"account {name} has no good access token ({why}); see ./dev accounts list.")
    if record.account.kind.is_web and record.in_flight:
        raise Trouble(f"account {name} is answering somebody just now, and can answer one at a time: try again.")
    return Access(record.account, record.access)


def _write(path: Path, capture: Capture) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.writelines(capture.lines())
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror}.") from error


if __name__ == "__main__":
    sys.exit(main())
