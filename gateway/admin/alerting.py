"""Alerts as the page has them."""

from __future__ import annotations

from collections.abc import Callable

from gateway.settings import GatewaySettings
from kimi.alerts import now
from kimi.alerts.delivery import Destination
from kimi.alerts.destinations import Trial, deliver_test, destinations
from kimi.alerts.now import Shown
from kimi.pool import Store


class SettingsAlerts:
    """Those that the settings want sent. Destinations are made when somebody asks for them: some take long to load."""

    def __init__(self, settings: GatewaySettings, store: Store, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._made: list[Destination] | None = None

    def destinations(self) -> list[str]:
        """What people know them by."""
        return [each.name for each in self._destinations()]

    def active(self) -> list[Shown]:
        """What is wrong now. Raises `StoreUnavailable`."""
        return now.active(self._store, self._settings.alert_language)

    def test(self) -> list[Trial]:
        """Sends a message to each destination."""
        return deliver_test(self._destinations(), at=self._clock(), language=self._settings.alert_language)

    def _destinations(self) -> list[Destination]:
        if self._made is None:
            self._made = destinations(self._settings)
        return self._made
