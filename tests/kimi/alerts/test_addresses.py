from __future__ import annotations

import pytest

from kimi.alerts.addresses import messenger_urls, split, webhook_secret, webhook_url

GOOD = (
    "feishu://0123abcd-0123",
    "feishu://SECret0123@0123abcd-0123",
    "dingtalk://SEC0123abcd@0123abcd",
    "wecombot://0123-abcd",
    "tgram://123456789:abcdefg_hijklmnop/12315544",
    "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
    "slack://xoxb-1234-1234-abc124/#general",
    "mailtos://user:pass@smtp.example.com:465?mode=ssl&to=one@example.org,two@example.org&from=me@example.org",
    "mailto://127.0.0.1:2525?from=a@example.org&to=b@example.org",
)


def test_every_kind_of_address_is_taken() -> None:
    assert messenger_urls(GOOD) == GOOD


@pytest.mark.parametrize("between", [",", "\n", " , ", ",\n", " "])
def test_addresses_stand_apart_though_some_hold_commas(between: str) -> None:
    assert split(f"{between}{between.join(GOOD)}{between}") == GOOD


def test_one_that_is_there_twice_is_one() -> None:
    assert split(f"{GOOD[0]},{GOOD[0]}") == GOOD[:1]
    assert split("") == split(" , ") == ()


@pytest.mark.parametrize(
    ("shown", "meant"),
    [
        ("https://open.feishu.cn/open-apis/bot/v2/hook/0123abcd-0123", "feishu://0123abcd-0123"),
        ("https://oapi.dingtalk.com/robot/send?access_token=0123abcd", "dingtalk://0123abcd"),
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=0123-abcd", "wecombot://0123-abcd"),
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", GOOD[5]),
    ],
)
def test_an_address_as_the_service_shows_it_is_taken(shown: str, meant: str) -> None:
    assert split(shown) == (meant,)
    assert messenger_urls((meant,)) == (meant,)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("feishu://", "address 2 (feishu://) is not complete or has a mistake"),
        ("feishu://secr*t", "address 2 (feishu://) is not complete or has a mistake"),
        ("dingtalk://secret-word", "address 2 (dingtalk://) is not complete or has a mistake"),
        ("wecombot://secret@0123abcd", "address 2 (wecombot://) is not complete or has a mistake"),
        ("dingtalk://0123abcd/secret", "address 2 (dingtalk://) is not complete or has a mistake"),
        ("tgram://secret", "address 2 (tgram://) is not complete or has a mistake"),
        ("slack://secret", "address 2 (slack://) is not complete or has a mistake"),
        ("mailto://secret", "address 2 (mailto://) is not complete or has a mistake"),
        ("json://secret", "address 2 begins with none of feishu://, dingtalk://, "),
        ("secret", "address 2 begins with none of feishu://, dingtalk://, "),
    ],
)
def test_a_bad_one_is_named_by_its_place_and_never_shown(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match="address") as raised:
        messenger_urls((GOOD[0], url, GOOD[1]))
    assert str(raised.value).startswith(complaint)
    assert "secr" not in str(raised.value)


def test_all_bad_ones_are_named() -> None:
    with pytest.raises(ValueError, match=r"address 1 .*; address 3 "):
        messenger_urls(("feishu://", GOOD[0], "x://y"))


@pytest.mark.parametrize("url", ["", "http://10.0.0.7:8080/x?key=1", "https://ops.example.com"])
def test_a_webhook_is_an_http_address(url: str) -> None:
    assert webhook_url(url) == url


@pytest.mark.parametrize(
    "url",
    ["ftp://secret", "https://", "https://user:secret@x/", "https://x/a secret", "https://x/#secret", "http://[x"],
)
def test_what_is_no_address_is_refused_unseen(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|is not") as raised:
        webhook_url(url)
    assert "secret" not in str(raised.value)


def test_a_webhook_has_a_secret_that_nobody_guesses() -> None:
    assert webhook_secret("", wanted=False) == ""
    assert webhook_secret("0123456789abcdef", wanted=True) == "0123456789abcdef"
    with pytest.raises(ValueError, match="is not set"):
        webhook_secret("", wanted=True)
    with pytest.raises(ValueError, match="too short"):
        webhook_secret("0123456789abcde", wanted=False)
