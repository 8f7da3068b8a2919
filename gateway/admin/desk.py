"""What the page's API works with; everything comes in through `Desk`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.admin.door import Door, Operator
from kimi.alerts.destinations import Trial as AlertTrial
from kimi.alerts.now import Shown
from kimi.operating.accounts import Accounts
from kimi.operating.acting import Trying
from kimi.operating.audit import Audit
from kimi.operating.status import Status
from kimi.pool.activity import Activities
from kimi.pool.clients import Clients
from kimi.pool.figures import Figures


class Alerts(Protocol):
    """What is wrong, and who is told of it."""

    def destinations(self) -> list[str]:
        """What people know them by."""
        ...

    def active(self) -> list[Shown]:
        """What is wrong now. Raises `StoreUnavailable`."""
        ...

    def test(self) -> list[AlertTrial]:
        """Sends a message to each destination."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The collaborators of the API. `setting_keys` are those of `GATEWAY_API_KEYS`, `clock` is in Unix seconds."""

    door: Door
    accounts: Accounts
    trials: Trying
    activities: Activities
    clients: Clients
    setting_keys: tuple[str, ...]
    figures: Figures
    audit: Audit
    status: Status
    alerts: Alerts
    clock: Callable[[], float]

    def note(self, operator: Operator, action: str, subject: str, detail: str = "") -> None:
        """Writes down that `operator` has done that to `subject`. Raises `StoreUnavailable`."""
        self.audit.note(operator.who, action, subject, detail, operator.address)
