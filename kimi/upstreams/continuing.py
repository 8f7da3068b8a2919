"""What an upstream's complaint means to somebody who wants to go on with a chat."""

from __future__ import annotations

from kimi.errors import ChatGone, KimiError
from kimi.upstreams.complaints import Complaint
from kimi.upstreams.drift import Drift
from kimi.upstreams.faults import classify

_GONE = frozenset({404, 410})


def explain(complaint: Complaint, drift: Drift, *, continues: bool) -> KimiError:
    """The error that `complaint` is. Where a chat is continued, what is not found is the chat."""
    missing = complaint.status in _GONE or any(reason.endswith("not_found") for reason in complaint.reasons)
    if continues and missing:
        return ChatGone(f"{complaint.status} {' '.join(complaint.reasons)}: {complaint.message}")
    return classify(complaint, drift)
