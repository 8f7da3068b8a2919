"""What alerts say, in the languages that operators read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kimi.alerts.notes import Language, Rule, Severity

MOST_NAMES: Final = 10
"""So many accounts are named in a text, which goes to telephones."""


@dataclass(frozen=True, slots=True)
class Words:
    """A title and a text, in which the names, how many they are, the figure and the limit can stand."""

    title: str
    text: str


SEVERITIES: Final[dict[Rule, Severity]] = {
    Rule.DEAD: "warning",
    Rule.BANNED: "warning",
    Rule.LOW: "critical",
    Rule.SILENT: "critical",
}

_WRONG: Final[dict[Language, dict[Rule, Words]]] = {
    "en": {
        Rule.DEAD: Words(
            "Kimi: accounts that need a new login: {count}",
            "Their login was refused: {names}. Sign in to Kimi with each, and give the gateway its new refresh token "
            "(or the API key) in accounts.yaml or on the admin page.",
        ),
        Rule.BANNED: Words(
            "Kimi: accounts that were closed: {count}",
            "Kimi has closed them: {names}. Look at what Kimi says of each when you sign in; take out those that stay "
            "closed.",
        ),
        Rule.LOW: Words(
            "Kimi: usable accounts: {figure}",
            "Accounts that can be used: {figure}. There should be {limit} at least. Add accounts, or see on the admin "
            "page or with ./dev accounts list why the others cannot serve.",
        ),
        Rule.SILENT: Words(
            "Kimi: the refresher is silent",
            "No refresher was heard of for {figure} seconds. Accounts stop serving within minutes as their tokens "
            "expire: start it again, and look at its log.",
        ),
    },
    "zh": {
        Rule.DEAD: Words(
            "Kimi：{count} 个账号需要重新登录",
            "登录已失效：{names}。请逐个登录 Kimi，把新的 refresh token（或 API key）写入 accounts.yaml，"
            "或在管理页面中添加。",
        ),
        Rule.BANNED: Words(
            "Kimi：{count} 个账号被封禁",
            "已被 Kimi 封禁：{names}。请登录查看 Kimi 的说明，无法恢复的账号请移除。",
        ),
        Rule.LOW: Words(
            "Kimi：可用账号仅剩 {figure} 个",
            "当前可用账号 {figure} 个，低于设定的 {limit} 个。请添加账号，或在管理页面、./dev accounts list 中查看"
            "其余账号不可用的原因。",
        ),
        Rule.SILENT: Words(
            "Kimi：刷新器没有响应",
            "已有 {figure} 秒没有任何刷新器的消息。token 会陆续过期，账号将在几分钟内停止服务：请重启刷新器"
            "（refresher）并查看日志。",
        ),
    },
}
_OVER: Final[dict[Language, dict[Rule, Words]]] = {
    "en": {
        Rule.DEAD: Words("Kimi: accounts back: {count}", "No new login is needed any more for: {names}."),
        Rule.BANNED: Words("Kimi: accounts no longer closed: {count}", "No longer closed, or taken out: {names}."),
        Rule.LOW: Words("Kimi: enough usable accounts again", "Accounts that can be used: {limit} or more."),
        Rule.SILENT: Words("Kimi: the refresher is back", "A refresher is at work again."),
    },
    "zh": {
        Rule.DEAD: Words("Kimi：{count} 个账号已恢复", "不再需要重新登录：{names}。"),
        Rule.BANNED: Words("Kimi：{count} 个账号不再处于封禁状态", "已解封或已移除：{names}。"),
        Rule.LOW: Words("Kimi：可用账号已恢复", "可用账号已回到 {limit} 个或以上。"),
        Rule.SILENT: Words("Kimi：刷新器已恢复", "刷新器已重新开始工作。"),
    },
}
TEST: Final[dict[Language, Words]] = {
    "en": Words("Kimi: a test", "Alerts of this gateway arrive here. There is nothing to do."),
    "zh": Words("Kimi：测试消息", "本网关的告警会发送到这里，无需任何操作。"),
}
_MORE: Final[dict[Language, tuple[str, str]]] = {
    "en": (", ", "{names} and {more} more"),
    "zh": ("、", "{names} 等 {count} 个"),
}


def compose(
    rule: Rule, names: Sequence[str], count: int, *, figure: int, limit: int, over: bool, language: Language
) -> Words:
    """What is said of `count` subjects, of which the first are `names`."""
    words = (_OVER if over else _WRONG)[language][rule]
    values = {"names": listed(names, count, language), "count": count, "figure": figure, "limit": limit}
    return Words(words.title.format(**values), words.text.format(**values))


def listed(names: Sequence[str], count: int, language: Language) -> str:
    """The first of the names, and how many there are that are not named."""
    comma, more = _MORE[language]
    shown = comma.join(names[:MOST_NAMES])
    left = count - len(names[:MOST_NAMES])
    return more.format(names=shown, more=left, count=count) if left else shown
