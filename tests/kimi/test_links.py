from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi.upstreams.links import wrap
from tests.timing import within

OPEN, CLOSE = '<url id="" type="url" status="" title="" wc="">', "</url>"


def shown(text: str) -> str:
    """What becomes of `text`, with the tags as ⟦ and ⟧."""
    return wrap(text).replace(OPEN, "⟦").replace(CLOSE, "⟧")


LINKS = [
    "https://example.com",
    "http://www.example.com/",
    "https://example.com:8080/a/b.html",
    "https://example.com/a?q=1&r=2,3;x=(y)#frag-ment!/z",
    "https://user:secret@example.com/x",
    "https://example.com/a_(b)/c[1]",
    "https://en.wikipedia.org/wiki/Kimi_(given_name)",
    "https://web.archive.org/web/2020/https://example.org/x",
    "https://example.com/login?to=https://example.org/",
    "http://127.0.0.1:3000/x",
    "http://localhost:3000/x",
    "http://[2001:db8::1]:8080/x?y=1",
    "https://例子.测试",
    "https://www.例子.中国/a?b=c",
    "https://中国银行.com/x",
    "https://日本語.jp",
    "https://bücher.example/straße",
    "https://пример.рф/путь",
    "https://xn--fsqu00a.xn--0zwm56d/a",
    "HTTPS://EXAMPLE.COM/X",
]
BEHIND = [
    *(
        "",
        " and more",
        "\n",
        "的内容",
        "，然后",
        "。",
        "！",
        "？",
        "、",
        "；",
        "：",
        "）",
        "」",
        "》",
        "”",
        "…",
        "\u3000",
    ),
    *(
        ".",
        ",",
        "!",
        "?",
        ";",
        ":",
        "...",
        ". Then",
        ")",
        ").",
        ")。",
        "]",
        "}",
        ">",
        '"',
        '",',
        "'",
        "''",
        "`",
        "*",
        "**",
    ),
    *("**。", "|", "<br>", "(see", "[1]", "】", "』", " "),
]


@pytest.mark.parametrize("link", LINKS)
def test_a_link_ends_where_it_should(link: str) -> None:
    is_bare = link.count("/") == 2
    for behind in BEHIND:
        if is_bare or not behind.startswith(("[1]", "(see")):  # a path may hold brackets
            assert shown(f"看{link}{behind}") == f"看⟦{link}⟧{behind}"


@pytest.mark.parametrize(
    ("text", "wrapped"),
    [
        ("no link: example.com, ftp://example.com, https://", "no link: example.com, ftp://example.com, https://"),
        ("https://nowhere https:///x https://一二", "https://nowhere https:///x https://一二"),
        ("git+https://example.com", "git+https://example.com"),
        ("https://example.com: see", "⟦https://example.com⟧: see"),
        ("https://example.com:说明", "⟦https://example.com⟧:说明"),
        ("https://1.2.3.4:80的", "⟦https://1.2.3.4:80⟧的"),
        ("https://例子.测试你好", "⟦https://例子.测试⟧你好"),
        ("https://example.com.这是例子。", "⟦https://example.com⟧.这是例子。"),
        ("https://a.com/s?wd=北京天气&n=2，好", "⟦https://a.com/s?wd=北京天气&n=2⟧，好"),
        ("https://a.com/s?n=2&wd=天气 好", "⟦https://a.com/s?n=2&wd=天气⟧ 好"),
        ("https://a.com/s?sign=YWI==的", "⟦https://a.com/s?sign=YWI==⟧的"),
        ("https://a.com/s?a=b的=c", "⟦https://a.com/s?a=b⟧的=c"),
        ("https://a.com/s?a=b&然后c=d", "⟦https://a.com/s?a=b&⟧然后c=d"),
        ("(https://example.com/a)", "(⟦https://example.com/a⟧)"),
        ("[https://example.com/a]", "[⟦https://example.com/a⟧]"),
        ("https://example.com/a(which is", "⟦https://example.com/a⟧(which is"),
        ("https://example.com/a([b)", "⟦https://example.com/a⟧([b)"),
        ("https://example.com/(a)，b", "⟦https://example.com/(a)⟧，b"),
        ("https://a.com/1,https://b.com/2;https://c.com", "⟦https://a.com/1⟧,⟦https://b.com/2⟧;⟦https://c.com⟧"),
        ("https://a.com、https://b.com", "⟦https://a.com⟧、⟦https://b.com⟧"),
        ("[text](https://example.com/a)", "[text](⟦https://example.com/a⟧)"),
        ("[t](https://zh.wikipedia.org/wiki/北京)。", "[t](⟦https://zh.wikipedia.org/wiki/北京⟧)。"),
        ('[t](https://example.com/a_(b) "title")', '[t](⟦https://example.com/a_(b)⟧ "title")'),
        ("[https://a.com/x](https://a.com/x)", "[⟦https://a.com/x⟧](⟦https://a.com/x⟧)"),
        ("[t](https://example.com/北", "[t](⟦https://example.com/⟧北"),
        ("<https://example.com/北京>", "<⟦https://example.com/北京⟧>"),
        ("<https://example.com/北京", "<⟦https://example.com/⟧北京"),
        ("**https://example.com/a**", "**⟦https://example.com/a⟧**"),
        ("_https://example.com/a_ https://example.com/a_", "_⟦https://example.com/a⟧_ ⟦https://example.com/a_⟧"),
        ("`https://example.com/a`", "`⟦https://example.com/a⟧`"),
        ("```\nhttps://a.com\n```\nhttps://b.com", "```\nhttps://a.com\n```\n⟦https://b.com⟧"),
        ("~~~ sh\n```\nhttps://a.com\n~~~~\nhttps://b.com", "~~~ sh\n```\nhttps://a.com\n~~~~\n⟦https://b.com⟧"),
        ("```\nhttps://a.com", "```\nhttps://a.com"),
        ("```https://a.com``` https://b.com", "```⟦https://a.com⟧``` ⟦https://b.com⟧"),
        ("<url>https://a.com</url> https://b.com", "<url>https://a.com⟧ ⟦https://b.com⟧"),
        ("<url> https://b.com", "<url> ⟦https://b.com⟧"),
    ],
)
def test_what_is_wrapped(text: str, wrapped: str) -> None:
    assert shown(text) == wrapped


PIECES = [
    *LINKS,
    *("https://", "http://a.b", "://", "<url>", "</url>", OPEN, "```", "~~~", "\n", "](", "[", "]", "(", ")", "<", ">"),
    *(" ", "的", "例子", ".", ",", "中国", "/", "@", ":", "80", "'", "*", "_", "`", "?", "#", "x"),
]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)


@given(texts)
def test_nothing_is_lost_and_nothing_is_wrapped_twice(text: str) -> None:
    wrapped = wrap(text)

    assert wrap(wrapped) == wrapped
    without_ours = re.sub(f"{re.escape(OPEN)}(https?://[^<]*){CLOSE}", r"\1", wrapped, flags=re.IGNORECASE)
    assert without_ours == re.sub(f"{re.escape(OPEN)}(https?://[^<]*){CLOSE}", r"\1", text, flags=re.IGNORECASE)


@given(texts)
def test_what_is_wrapped_is_a_link(text: str) -> None:
    for link in re.findall(f"{re.escape(OPEN)}(.*?){CLOSE}", wrap(text.replace("<url", ""))):
        assert re.fullmatch(r"https?://[^\s<>]+", link, re.IGNORECASE)


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "https://a.com/)",
            "https://a.com/(",
            "https://a.com/,",
            "[](http://a.com北",
            "](https://a.com)",
            "https://a.b\n",
        ),
        *("<https://a.com/北", "<url>", "<url ", "https://", "(https://a.b", "https://a.com/[(]", "\n```", "[(", "a@"),
        *("https://a.b?a=", "https://a.b?a&b", "https://a:", "https://a.a", "https://例.", "]("),
    ],
)
def test_time_grows_with_the_text_and_no_faster(piece: str) -> None:
    with within(4):  # a quarter of a second; what grows with the square takes much longer
        wrap(piece * (250_000 // len(piece)))
        wrap(f"https://a.com/{piece}" + piece[-1] * 250_000)
