from __future__ import annotations

from kimi.errors import Outdated
from kimi.operating.checks import Level
from kimi.operating.checks_releases import releases, schema
from kimi.pool.schema import Standing


def test_what_this_release_understands_is_well() -> None:
    for standing, seen in (
        (Standing(0, 1, "", ""), "nothing stands there yet"),
        (Standing(2, 1, "0.2.0", "0.1.0"), "2, written by release 0.2.0"),
        (Standing(3, 1, "0.3.0", "0.1.0"), "3, written by release 0.3.0"),
        (
            Standing(1, 1, "", ""),
            "1, written by release 0.1.0; the next process of this release that starts makes it 2",
        ),
    ):
        found = schema(lambda standing=standing: standing, 2)  # type: ignore[misc]
        assert (found.level, found.seen, found.advice) == (Level.OK, seen, "")


def test_what_is_too_new_says_what_to_start() -> None:
    def look() -> Standing:
        raise Outdated("Redis holds schema 4; this is release 0.2.0", "start release 0.3.0 or a newer one")

    found = schema(look, 2)
    assert (found.level, found.advice) == (Level.PROBLEM, "start release 0.3.0 or a newer one")
    assert found.seen == "Redis holds schema 4; this is release 0.2.0"


def test_several_releases_are_an_upgrade_that_has_not_ended() -> None:
    ours = ["gateway a-1", "refresher b-2"]
    assert releases({"0.2.0": ours}, "0.2.0").seen == "0.2.0: 2 processes"
    assert releases({}, "0.2.0").level is Level.OK
    names = [f"gateway-{number}" for number in range(7)]
    found = releases({"0.1.0": names, "0.2.0": ours}, "0.2.0")
    assert found.level is Level.WARNING and "end the upgrade" in found.advice
    assert found.seen == ("0.2.0: 2 processes; 0.1.0: gateway-0, gateway-1, gateway-2, gateway-3, gateway-4 and 2 more")
