from __future__ import annotations

import random
import re

from gateway.tools.seal import Seal, secret


def test_every_process_has_a_trigger_of_its_own_that_all_know() -> None:
    seals = [Seal(b"secret", random.Random(number)) for number in range(50)]
    assert len({seal.own for seal in seals}) == 50
    assert all(re.fullmatch("[a-z0-9]{8}", seal.own) for seal in seals)
    assert all(seals[0].knows(seal.own) for seal in seals)


def test_workers_with_the_same_keys_have_the_same_secret() -> None:
    assert secret(["a", "b"]) == secret(("b", "a")) != secret(["a", "c"])
    assert Seal(secret(["a"]), random.Random(1)).knows(Seal(secret(["a"]), random.Random(2)).own)


def test_who_does_not_know_the_secret_makes_none() -> None:
    seal = Seal(b"secret", random.Random(1))
    assert not seal.knows(Seal(b"other", random.Random(1)).own)
    dice = random.Random(2)
    made = ("".join(dice.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=8)) for _ in range(10_000))
    assert not any(seal.knows(trigger) for trigger in made)
    for wrong in ("", seal.own[:-1], seal.own + "a", seal.own.upper(), f"{seal.own[:4]}aaaa"):
        assert not seal.knows(wrong)
