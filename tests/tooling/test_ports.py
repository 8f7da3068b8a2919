from __future__ import annotations

from itertools import combinations

from tests.ports import free_port, ports_of


def test_no_two_that_run_side_by_side_are_given_the_same() -> None:
    workers = [ports_of({"PYTEST_XDIST_WORKER": f"gw{number}"}, 1) for number in range(16)]
    alone = ports_of({}, 1)
    assert all(set(one).isdisjoint(other) for one, other in combinations([*workers, alone], 2))
    assert all(1024 < port < 32_768 for port in (*alone, *workers[-1])), "connections of others begin above"


def test_none_is_given_twice_in_a_row() -> None:
    given = [free_port() for _ in range(50)]
    assert len(set(given)) == 50
