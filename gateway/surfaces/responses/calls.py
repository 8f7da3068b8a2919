"""Calls among the items of an answer, each in the form of the tool that it is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import orjson

from gateway.surfaces.responses.items import ADDED, DONE, Item, Told, Words
from gateway.surfaces.responses.tools import Form, Origin
from gateway.surfaces.wire import literal, literals


class Call(Item):
    """A call. Its id begins with `prefix`, its item has the type `kind`."""

    kind: ClassVar[bytes]
    prefix: ClassVar[bytes]

    def __init__(self, stem: bytes, index: int, call_id: str, origin: Origin) -> None:
        self.index = index
        item_id = b"%b_%b_%d" % (self.prefix, stem, index)
        self._place = b'"item_id":"%b","output_index":%d' % (item_id, index)
        self._head = b'{"id":"%b","type":"%b","call_id":%b%b' % (item_id, self.kind, literal(call_id), _name(origin))
        self._status = b"in_progress"

    def opened(self) -> Iterator[Told]:
        yield ADDED, b'"output_index":%d,"item":%b' % (self.index, self.json())

    def told(self, arguments: str) -> Iterator[Told]:
        """Takes a piece of the arguments."""
        raise NotImplementedError

    def closed(self, status: bytes) -> Iterator[Told]:
        self._status = status
        yield from self._ended()
        yield DONE, b'"output_index":%d,"item":%b' % (self.index, self.json())

    def json(self) -> bytes:
        return b'%b,%b,"status":"%b"}' % (self._head, self._given(), self._status)

    def _given(self) -> bytes:
        """The fields that hold what is given to the tool."""
        raise NotImplementedError

    def _ended(self) -> Iterator[Told]:
        """How it is told what that has come to."""
        yield from ()


class FunctionCall(Call):
    """A call of a function, whose arguments are told as they come."""

    kind = b"function_call"
    prefix = b"fc"

    def __init__(self, stem: bytes, index: int, call_id: str, origin: Origin) -> None:
        super().__init__(stem, index, call_id, origin)
        self._arguments = Words()

    def told(self, arguments: str) -> Iterator[Told]:
        for piece in literals(arguments) if arguments else ():
            self._arguments.add(piece)
            yield b"response.function_call_arguments.delta", b'%b,"delta":%b' % (self._place, piece)

    def _given(self) -> bytes:
        return b'"arguments":%b' % self._arguments.literal

    def _ended(self) -> Iterator[Told]:
        yield b"response.function_call_arguments.done", b"%b,%b" % (self._place, self._given())


class _Held(Call):
    """A call of what is no function, told when it is whole: what is given stands inside of a function's arguments."""

    def __init__(self, stem: bytes, index: int, call_id: str, origin: Origin) -> None:
        super().__init__(stem, index, call_id, origin)
        self._pieces: list[str] = []

    def told(self, arguments: str) -> Iterator[Told]:
        self._pieces.append(arguments)
        yield from ()

    def _arguments(self) -> Mapping[str, Any]:
        try:
            arguments = orjson.loads("".join(self._pieces))
        except orjson.JSONDecodeError:
            return {}
        return arguments if isinstance(arguments, dict) else {}


class CustomCall(_Held):
    """A call of a custom tool, which is given a text."""

    kind = b"custom_tool_call"
    prefix = b"ctc"

    def _given(self) -> bytes:
        return b'"input":%b' % literal(self._input())

    def _ended(self) -> Iterator[Told]:
        text = self._input()
        for piece in literals(text) if text else ():
            yield b"response.custom_tool_call_input.delta", b'%b,"delta":%b' % (self._place, piece)
        yield b"response.custom_tool_call_input.done", b"%b,%b" % (self._place, self._given())

    def _input(self) -> str:
        """The text that the model has put into the arguments, or what it has put in their place."""
        text = self._arguments().get("input")
        return text if isinstance(text, str) else "".join(self._pieces)


class SearchCall(_Held):
    """A search for further tools, which the client has to make."""

    kind = b"tool_search_call"
    prefix = b"tsc"

    def _given(self) -> bytes:
        try:
            arguments = orjson.dumps(self._arguments())
        except orjson.JSONEncodeError:  # more levels are read than can be written, and nobody looks for a tool so
            arguments = b"{}"
        return b'"execution":"client","arguments":%b' % arguments


FORMS: Final[Mapping[Form, type[Call]]] = {
    "function": FunctionCall,
    "custom": CustomCall,
    "search": SearchCall,
}
"""What a call of a tool of that form is."""


def _name(origin: Origin) -> bytes:
    if origin.form == "search":
        return b""
    namespace = b',"namespace":%b' % literal(origin.namespace) if origin.namespace else b""
    return b',"name":%b%b' % (literal(origin.name), namespace)
