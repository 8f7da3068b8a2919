"""What is fuzzed: a check for each, from what it starts, and the words that its input is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, cast

Check = Callable[[bytes], None]

DATA: Final = Path(__file__).parents[1] / "tests" / "data"
_EVENTS: Final = (
    *(b"data: ", b"data:", b"\n\n", b"\r\n", b"event", b"\xef\xbb\xbf", b"[DONE]", b'{"event":"cmpl","text":"x"}'),
    *(b'"all_done"', b'"error"', b'"error_type"', b'"req"', b'"resp"', b'"id"', b'"search_plus"', b'"ref_docs"'),
    *(b'"choices"', b'"delta"', b'"content"', b'"finish_reason"', b'"stop"', b'"tool_calls"', b'"function"'),
    *(b'"arguments"', b'"index"', b'"usage"', b'"prompt_tokens"', b'"reasoning_content"'),
)
_ENVELOPES: Final = (
    *(b"\0\0\0\0\2{}", b"\2\0\0\0\2{}", b'"op"', b'"mask"', b'"append"', b'"set"', b'"block.text.content"', b'"block"'),
    *(b'"text"', b'"think"', b'"content"', b'"message"', b'"role"', b'"assistant"', b'"status"', b'"chat"', b'"done"'),
    *(b'"heartbeat"', b'"error"', b'"exception"', b'"tool"', b'"contents"', b'"searchResult"', b'"refs"', b'"base"'),
    *(b'"MESSAGE_STATUS_COMPLETED"', b'"details"', b'"debug"', b'"reason"', b'"toolCallId"'),
)
_MARKS: Final = (
    *(b"<|tool_calls_section_begin|>", b"<|tool_call_begin|>", b"<|tool_call_argument_begin|>", b"<|tool_call_end|>"),
    *(b"<|tool_calls_section_end|>", b"<|tool_call_section_end|>", b"<|tool_", b"functions.a:0", b"<call-", b"</call-"),
    *(b"<call-\xc2\xa7", b"</call-\xc2\xa7>", b"<result-\xc2\xa7", b"```", b"~~~", b"``", b"\n", b"- ", b"{}", b"/>"),
    *(b' name="a">', b"x" * 30),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A check is the function `check` of `module`; what `reads` is instrumented, so that new ways through it are seen.

    `before` are the bytes that the check takes from the front of its input.
    """

    module: str
    reads: tuple[str, ...]
    starts: str
    before: bytes
    words: tuple[bytes, ...]

    def check(self) -> Check:
        """Raises what is wrong with an input, or with what reads it."""
        return cast("Check", import_module(self.module).check)

    def seeds(self) -> Iterator[bytes]:
        """Inputs to start from."""
        for path in sorted(DATA.glob(self.starts)) if self.starts else ():
            yield self.before + path.read_bytes()

    def dictionary(self) -> str:
        """`words` as libFuzzer reads them."""
        return "\n".join(f'"{_escaped(word)}"' for word in self.words)


def _escaped(word: Sequence[int]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


TARGETS: Final = {
    "sse": Target("fuzz.sse", ("kimi.upstreams",), "*.sse", b"\7\0", _EVENTS),
    "connect": Target("fuzz.connect", ("kimi.upstreams",), "connect-*.bin", b"\7\0", _ENVELOPES),
    "sieve": Target("fuzz.sieve", ("gateway.tools", "gateway.code_spans"), "", b"", _MARKS),
}
