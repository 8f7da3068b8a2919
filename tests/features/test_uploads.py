"""What happens to files between the client and an account: once, again, elsewhere, in little memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.features.asking import answers, ask, asked
from tests.features.kinds import web_accounts
from tests.features.pages import Pages
from tests.features.parts import PDF, data_url, part, question, unique, uploaded
from tests.system.stack import Stack


def test_a_file_is_uploaded_once(house: Stack) -> None:
    """A client with one account of its own: what is asked first and what later meet in it."""
    key = house.simulator.mint(house.env["KIMI_KIND"])[0]["refresh_token"]
    file = part("file", data_url(unique(PDF, "once"), "application/pdf"))
    for text in ("What is in it?", "Who wrote it?", "And when?"):
        answers(house, "I read {files}; before: {history}.")
        assert ask(house, question(file, text=text), key=key).text == "I read plan.pdf; before: ."
    assert len(uploaded(house, unique(PDF, "once"))) == 1


def test_a_conversation_goes_on_about_its_file(house: Stack) -> None:
    turn = {"role": "user", "content": question(part("file", data_url(unique(PDF, "go on"), "application/pdf")))}
    first = ask(house, messages=[turn])
    answers(house, "{prompt}; before: {history}.")
    later = [turn, {"role": "assistant", "content": first.text}, {"role": "user", "content": "And the end of it?"}]
    second = ask(house, messages=later)
    assert second.text.startswith("And the end of it?; before: user:What is in it? [plan.pdf]")


def test_a_file_that_kimi_has_forgotten_is_uploaded_again(house: Stack) -> None:
    parts = question(part("file", data_url(unique(PDF, "forgotten"), "application/pdf")))
    ask(house, parts)
    house.simulator.control("DELETE", "files")
    answers(house, "I read {files}.", times=2)
    assert ask(house, parts).text == "I read plan.pdf."


def test_a_file_may_come_later_in_a_conversation(house: Stack) -> None:
    history: list[dict[str, Any]] = [{"role": "user", "content": "Wait for it."}]
    first = ask(house, messages=history)
    parts = question(part("file", data_url(unique(PDF, "later"), "application/pdf")))
    history += [{"role": "assistant", "content": first.text}, {"role": "user", "content": parts}]
    answers(house, "I read {files}.")
    assert ask(house, messages=history).text == "I read plan.pdf."
    read = asked(house)["read"]
    assert (read["files"], read["history"][0]) == (["plan.pdf"], "user:Wait for it.")


def test_a_file_that_takes_its_time_is_waited_for(house: Stack) -> None:
    house.simulator.settings(parse_polls=2)
    answers(house, "I read {files}.")
    parts = question(part("file", data_url(unique(PDF, "slow"), "application/pdf")))
    assert ask(house, parts).text == "I read plan.pdf."


def test_a_token_that_dies_before_an_upload_is_replaced(house: Stack) -> None:
    for name in web_accounts(house):
        house.simulator.control("POST", f"accounts/{name}", {"revoke_access": True})
    answers(house, "I read {files}.")
    parts = question(part("file", data_url(unique(PDF, "dead token"), "application/pdf")))
    assert ask(house, parts).text == "I read plan.pdf."


def test_an_upload_that_fails_is_tried_on_another_account(house: Stack) -> None:
    house.simulator.fault("http", status=503, match={"endpoint": "files"})
    content = unique(PDF, "failover")
    answers(house, "I read {files}.")
    assert ask(house, question(part("file", data_url(content, "application/pdf")))).text == "I read plan.pdf."


def test_an_upload_whose_bytes_are_refused_is_tried_on_another_account(classic: Stack) -> None:
    classic.simulator.fault("http", status=503, match={"endpoint": "bytes"})
    content = unique(PDF, "bytes")
    answers(classic, "I read {files}.")
    assert ask(classic, question(part("file", data_url(content, "application/pdf")))).text == "I read plan.pdf."


class Memory:
    """What the gateway's worker has needed at the most since this was made, in bytes."""

    def __init__(self, house: Stack) -> None:
        (pid,) = house.workers_pids()
        self._process = Path(f"/proc/{pid}")
        (self._process / "clear_refs").write_text("5")  # the kernel begins to measure anew
        self._before = self._peak()

    @property
    def grown(self) -> int:
        return self._peak() - self._before

    def _peak(self) -> int:
        lines = (self._process / "status").read_text("ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def test_a_large_file_passes_through_in_little_memory(house: Stack, pages: Pages) -> None:
    block = b"%PDF-1.4\n" + b"x" * (64 * 1024 - 9)
    blocks = 1600  # Kimi takes 100 MB

    def pieces() -> Iterator[bytes]:
        yield from itertools.repeat(block, blocks)

    ask(house, question(part("file", data_url(unique(PDF, "warm"), "application/pdf"))))
    memory = Memory(house)
    answers(house, "I read {files}.")
    url = pages.put_large("/large.pdf", pieces, blocks * len(block), "application/pdf")
    assert ask(house, question(part("file_url", url))).text == "I read large.pdf."
    assert memory.grown < 16 * 1024 * 1024
    assert uploaded(house, block * blocks)
