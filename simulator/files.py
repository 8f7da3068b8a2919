"""Uploaded files: their sizes and how often they were asked about, never their bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class File:
    """One upload. `polls` counts down to readiness."""

    id: str
    name: str
    object_name: str
    type: str  # file | image
    content_type: str = ""
    size: int | None = None  # None until its bytes came
    polls: int = 0

    def poll(self) -> bool:
        """Whether it is ready now; every question brings it nearer."""
        if self.size is None:
            return False
        self.polls -= 1
        return self.polls < 0
