"""What the page's API works with; everything comes in through `Desk`."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.admin.door import Door


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The collaborators of the API."""

    door: Door
