"""What is wrong at this moment, for those who look."""

from __future__ import annotations

from typing import TypedDict

from kimi.alerts import texts
from kimi.alerts.notes import Language
from kimi.pool.alerts import AlertBook
from kimi.pool.store import Store


class Shown(TypedDict):
    """As `/admin/api` shows it: one for each rule. `subject` names the accounts, `since` is in Unix seconds."""

    rule: str
    subject: str
    since: float
    message: str


def active(store: Store, language: Language = "en") -> list[Shown]:
    """What is wrong, in one small command whatever the size of the pool. Raises `StoreUnavailable`."""
    return [
        Shown(
            rule=each.rule.value,
            subject=texts.listed(each.subjects, each.count, language),
            since=each.since,
            message=texts.compose(
                each.rule,
                each.subjects,
                each.count,
                figure=each.figure,
                limit=each.limit,
                over=False,
                language=language,
            ).text,
        )
        for each in AlertBook(store).active()
    ]
