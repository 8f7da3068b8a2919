"""Where the host of a link ends in a text that may go on without a space."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Final

WITHOUT_SPACES: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Letters of scripts that are written without spaces, as ranges of a regular expression."""
_FULL_WIDTH = "\uff00-\uffef"
SPACELESS: Final = WITHOUT_SPACES + _FULL_WIDTH
"""Those, and the full-width signs that stand among them."""

_LONGEST = 253
_ADDRESS = re.compile(r"\[[0-9A-Fa-f:.]{2,45}(?:%25[\w.~-]{1,40})?\]", re.ASCII)
_RUN = re.compile(rf"(?:[^\W{_FULL_WIDTH}]|[.-])++")
_NAME = re.compile(rf"(?:[^\W{SPACELESS}]|-)*+")
_LOCALHOST = re.compile(rf"localhost(?![^\W{SPACELESS}]|-)", re.IGNORECASE)
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)
_TOP = re.compile(rf"xn--[a-z0-9-]+|[^\W\d_{SPACELESS}]{{2,}}", re.IGNORECASE)
# The top-level domains of those scripts; anything else of theirs is text. Source: IANA's root zone database.
_TOPS = re.compile(
    "中国|中國|香港|台湾|台灣|澳門|澳门|新加坡|公司|网络|中文网|网址|网站|商城|网店|商店|集团|我爱你|公益|政务|机构|组织机构"
    "|慈善|信息|手机|移动|在线|娱乐|游戏|企业|招聘|广东|佛山|世界|时尚|健康|购物|食品|餐厅|点看|珠宝|家電|八卦|书籍|谷歌|微博"
    "|联通|天主教|大拿|嘉里大酒店|嘉里|亚马逊|通販|测试|測試|テスト|테스트|コム|みんな|セール|ファッション|ストア|ポイント"
    "|クラウド|グーグル|アマゾン|한국|닷컴|닷넷|삼성|ไทย|คอม|ລາວ"
)


def reach(pattern: re.Pattern[str], text: str, start: int, end: int = sys.maxsize) -> int:
    """Where the match of `pattern` at `start` ends; `start` where there is none."""
    found = pattern.match(text, start, end)
    return found.end() if found else start


def host_end(text: str, start: int) -> int | None:
    """Where the host that begins at `start` ends; `None` where none begins that a link could lead to."""
    whole = _ADDRESS.match(text, start) or _LOCALHOST.match(text, start)
    if whole is not None:
        return whole.end()
    ends = list(_ends(text[start : reach(_RUN, text, start, start + _LONGEST)]))
    return start + ends[-1] if ends else None


def _ends(run: str) -> Iterator[int]:
    """Every place in `run` at which a host can end: behind a top-level domain, with the text or not."""
    position = 0
    for index, label in enumerate(run.split(".")):
        name = reach(_NAME, label, 0)
        top = _TOPS.match(label) if index else None
        if top is not None:
            yield position + top.end()
        elif index and (_TOP.fullmatch(label, 0, name) or _IPV4.fullmatch(run, 0, position + name)):
            yield position + name
        if not label or (index and 0 < name < len(label)):
            return
        position += len(label) + 1
