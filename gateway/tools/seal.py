"""What makes the tags of a tool call hard to imitate."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from hashlib import blake2b, scrypt
from hmac import compare_digest
from typing import Final

LENGTH: Final = 8
"""Characters of a trigger."""
_HALF: Final = LENGTH // 2
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_FORM: Final = re.compile(rf"[a-z0-9]{{{LENGTH}}}")


def secret(keys: Iterable[str]) -> bytes:
    """What workers that know the same `keys` have in common, and nobody can guess the keys by.

    Triggers are shown to models and may come to light: whoever wants to try keys on them has to take his time.
    """
    words = "\n".join(sorted(keys)).encode(errors="surrogatepass")
    return scrypt(words, salt=b"tool calls of the gateway", n=2**13, r=8, p=1, dklen=32)


class Seal:
    """Triggers: `own` is random for every process, and all that were made with the same `secret` are known.

    A chat goes on in another worker, or after a restart, with what was called before still in it: the model takes up
    the trigger that it finds there. Who does not know the secret cannot make one: not by accident, and not on a page
    that a model is asked to repeat.
    """

    __slots__ = ("_key", "own")

    def __init__(self, secret: bytes, dice: random.Random) -> None:
        self._key = blake2b(secret, person=b"tool calls").digest()
        first = "".join(dice.choices(_LETTERS, k=_HALF))
        self.own = first + self._other_half(first)

    def knows(self, trigger: str) -> bool:
        """Whether it was made with this secret, by whichever process."""
        return bool(_FORM.fullmatch(trigger)) and compare_digest(self._other_half(trigger[:_HALF]), trigger[_HALF:])

    def _other_half(self, first: str) -> str:
        number = int.from_bytes(blake2b(first.encode(), key=self._key, digest_size=8).digest())
        letters = []
        for _ in range(_HALF):
            number, rest = divmod(number, len(_LETTERS))
            letters.append(_LETTERS[rest])
        return "".join(letters)
