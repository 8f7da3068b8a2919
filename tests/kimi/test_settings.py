from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlencode

import pytest
from pydantic import Field, model_validator

from kimi.accounts import Kind
from kimi.errors import StoreUnavailable
from kimi.sealing_keys import OF_THE_DEMO, new_key
from kimi.settings import CommonSettings, Port, Seconds, SettingsError, Words, load
from kimi.startup import StartError, reporting


class Process(CommonSettings):
    """A process with settings of its own."""

    port: Port = 80
    wait: Seconds = 1.0
    keys: Words = ()
    needed: Annotated[str, Field(repr=False)] = "there"


class Demanding(CommonSettings):
    """A process that cannot do without a variable, and checks two against each other."""

    key: str = Field(repr=False)
    low: int = 1
    high: int = 2

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError("LOW must not be above HIGH")
        return self


Environment = Callable[..., None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    """Nothing but the variables that a test sets, in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.lower() in Process.model_fields | Demanding.model_fields:
            monkeypatch.delenv(name)

    def put(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return put


def complaints(process: type[CommonSettings] = Process) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(process)
    first, *lines = str(caught.value).splitlines()
    assert first == "bad settings:"
    return [line.strip() for line in lines]


@pytest.mark.usefixtures("environment")
def test_everything_has_the_documented_default() -> None:
    settings = load(Process)
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert settings.kimi_accounts_file is None
    assert settings.kimi_kind is Kind.KIMI
    assert settings.kimi_refresh_tokens == ""
    assert (settings.log_level, settings.log_format) == ("info", "json")


@pytest.mark.usefixtures("environment")
def test_endpoints_are_the_vendors_own_unless_told_otherwise() -> None:
    endpoints = load(Process).endpoints
    assert endpoints.web == "https://www.kimi.com"
    assert endpoints.auth == "https://auth.kimi.com"
    assert endpoints.classic == "https://kimi.moonshot.cn"
    assert endpoints.moonshot == "https://api.moonshot.cn/v1"


def test_the_environment_wins_over_the_env_file(environment: Environment) -> None:
    Path(".env").write_text("PORT=81\nWAIT=2\nUNKNOWN=1\n", encoding="utf-8")
    environment(PORT="82")
    settings = load(Process)
    assert (settings.port, settings.wait) == (82, 2.0)


def test_an_empty_value_counts_as_unset(environment: Environment) -> None:
    environment(PORT="", KIMI_ACCOUNTS_FILE="", TOKEN_ENCRYPTION_KEYS="")
    settings = load(Process)
    assert settings.port == 80
    assert settings.kimi_accounts_file is None


def test_lists_are_split_on_commas_and_newlines_and_stripped(environment: Environment) -> None:
    environment(KEYS=" one, two\nthree ,,\n two")
    assert load(Process).keys == ("one", "two", "three")


def test_choices_do_not_care_about_case(environment: Environment) -> None:
    environment(LOG_LEVEL="WARNING", LOG_FORMAT="Console", KIMI_KIND="Kimi-Classic")
    settings = load(Process)
    assert settings.log_level == "warning"
    assert settings.log_format == "console"
    assert settings.kimi_kind is Kind.CLASSIC


def test_a_trailing_slash_of_an_upstream_does_not_matter(environment: Environment) -> None:
    environment(MOONSHOT_URL="http://127.0.0.1:8787/v1/")
    assert load(Process).moonshot_url == "http://127.0.0.1:8787/v1"


def test_every_bad_variable_is_named_in_one_message(environment: Environment) -> None:
    environment(PORT="many", WAIT="-1", LOG_FORMAT="xml", KIMI_KIND="moon", KIMI_WEB_URL="www.kimi.com")
    names = [line.partition(":")[0] for line in complaints()]
    assert sorted(names) == ["KIMI_KIND", "KIMI_WEB_URL", "LOG_FORMAT", "PORT", "WAIT"]


def test_a_bad_value_is_quoted_where_it_cannot_be_secret(environment: Environment) -> None:
    environment(LOG_FORMAT="xml")
    assert complaints() == ["LOG_FORMAT: must be 'json' or 'console', not 'xml'"]


def test_a_secret_in_the_wrong_variable_is_not_quoted(environment: Environment) -> None:
    environment(KIMI_KIND="eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJ4In0.c2ln")
    assert "eyJ" not in complaints()[0]


@pytest.mark.usefixtures("environment")
def test_a_variable_that_must_be_set_is_named() -> None:
    assert complaints(Demanding) == ["KEY: is not set"]


def test_a_complaint_about_several_variables_is_told_as_it_is(environment: Environment) -> None:
    environment(KEY="k", LOW="3")
    assert complaints(Demanding) == ["LOW must not be above HIGH"]


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        (
            "http://h/0",
            (
                "must start with redis://, rediss://, unix://, redis+sentinel://, rediss+sentinel://, "
                "redis+cluster:// or rediss+cluster://"
            ),
        ),
        ("redis:///0", "has no host"),
        ("redis://:pass word@h/0", "must not contain spaces or control characters"),
        ("redis://:secret@h:port/0", "is not a valid URL"),
        ("redis://:sec#ret@h/0", "must not contain a fragment: write # as %23"),
        ("redis://h/0?db=secret", "has an option db that is not the number of a database"),
        ("redis://h/0?replicas=one", "has an option replicas that is not a number up to 99"),
        (f"redis://h/0?replicas={10**20}", "has an option replicas that is not a number up to 99"),
        ("redis://h:0/0", "has a port 0"),
        ("rediss://h?ssl_cert_reqs=bogus", "has an option ssl_cert_reqs that is none of none, optional, required"),
        ("rediss://h?ssl_check_hostname=maybe", "has an option ssl_check_hostname that is none of true, false"),
        ("redis+sentinel://k:123/x@h1:1,h2", "has hosts behind a /, which is %2F in a user or a password"),
        (
            "redis://h/0?socket_timeout=60",
            "has an unknown option behind the question mark, known are client_name, db, password, replicas, username",
        ),
        ("redis://:secret@h/first", "must end with the number of a database, as in /0"),
        ("redis://h/0/1", "has more behind its hosts than it can mean"),
        ("redis://h1:1,h2:2/0", "names several hosts: begin it with redis+sentinel:// or redis+cluster://"),
        ("unix://", "has no path of a socket"),
        ("redis+sentinel://h1:1,h2:2", "has no name of a service, as in redis+sentinel://h1:26379,h2:26379/SERVICE/0"),
        ("redis+sentinel://h1:1,/main/0", "has a host without a name"),
        ("redis+sentinel://h1:1/main/0/1", "has more behind its hosts than it can mean"),
        ("redis+cluster://h1:1,h2:2/1", "must not name a database: a cluster has 0 alone"),
        (
            "redis+cluster://h1:1?db=1",
            "has an unknown option behind the question mark, known are client_name, password, replicas, username",
        ),
    ],
)
def test_a_bad_redis_url_is_refused_and_never_quoted(environment: Environment, url: str, complaint: str) -> None:
    environment(REDIS_URL=url)
    assert complaints() == [f"REDIS_URL: {complaint}"]


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "redis://:secret@h:1/2",
        "rediss://u:p@[::1]:6380/0",
        "unix:///run/redis.sock?db=1",
        "rediss://h?ssl_cert_reqs=none",
        "redis://h?replicas=2",
        "redis+sentinel://u:p@h1:1,h2/main/3?sentinel_username=s&sentinel_password=secret",
        "rediss+sentinel://[::1]:1,h2/main?ssl_cert_reqs=required",
        "redis+cluster://:secret@h1:1,[::2]:2",
        "rediss+cluster://h1/0?ssl_check_hostname=false",
    ],
)
def test_a_good_redis_url_is_taken_and_never_shown(environment: Environment, url: str) -> None:
    environment(REDIS_URL=url)
    settings = load(Process)
    assert settings.redis_url == url
    assert url not in repr(settings)


@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
@pytest.mark.parametrize("url", ["rediss://h", "rediss+sentinel://h/main", "rediss+cluster://h"])
def test_a_file_that_redis_is_to_be_reached_with_has_to_be_there(
    environment: Environment, tmp_path: Path, url: str, option: str
) -> None:
    file = tmp_path / "a secret place.pem"
    for absent in (file, tmp_path):
        environment(REDIS_URL=f"{url}?{urlencode({option: absent})}")
        assert complaints() == [
            f"REDIS_URL: has an option {option} whose file is not there, or may not be read by this process"
        ]
    file.touch()
    environment(REDIS_URL=f"{url}?{urlencode({option: file})}")
    assert load(Process).redis_url.startswith(url)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("ftp://h", "must start with http:// or https://"),
        ("https://", "has no host"),
        ("https://u:p@h", "must not contain a user name or password"),
        ("https://h?a=1", "must not contain a query or fragment"),
        ("https://h:99999", "is not a valid URL"),
        ("https://[::1", "is not a valid URL"),
    ],
)
def test_a_bad_upstream_url_is_refused(environment: Environment, url: str, complaint: str) -> None:
    environment(KIMI_AUTH_URL=url)
    assert complaints()[0].startswith(f"KIMI_AUTH_URL: {complaint}")


def test_keys_that_seal_secrets_are_a_list_the_newest_first(environment: Environment) -> None:
    new, old = new_key(), new_key()
    environment(TOKEN_ENCRYPTION_KEYS=f" {new},\n{old}\n")
    settings = load(Process)
    assert settings.token_encryption_keys == (new, old)
    assert new not in repr(settings)


@pytest.mark.parametrize("bad", ["c2VjcmV0", "secret" * 7 + "x", "ü" * 44])
def test_a_bad_key_is_named_by_its_place_and_not_shown(environment: Environment, bad: str) -> None:
    environment(TOKEN_ENCRYPTION_KEYS=bad)
    (line,) = complaints()
    assert line == (
        "TOKEN_ENCRYPTION_KEYS: what is set is not 32 bytes in URL-safe base64, make one with ./dev secrets key"
    )
    environment(TOKEN_ENCRYPTION_KEYS=f"{new_key()},{bad},{new_key()}")
    (line,) = complaints()
    assert line.startswith("TOKEN_ENCRYPTION_KEYS: key 2 of 3 is not 32 bytes")


def test_the_key_that_everybody_knows_seals_for_the_demo_alone(environment: Environment) -> None:
    environment(TOKEN_ENCRYPTION_KEYS=f"{OF_THE_DEMO},{new_key()}")
    (line,) = complaints()
    assert line.startswith("TOKEN_ENCRYPTION_KEYS: begins with the key of the demo, which everybody knows")
    assert OF_THE_DEMO not in line
    names = ("KIMI_WEB_URL", "KIMI_AUTH_URL", "KIMI_CLASSIC_URL", "MOONSHOT_URL")
    environment(**dict.fromkeys(names, "http://simulator:8787"))
    assert load(Process).token_encryption_keys[0] == OF_THE_DEMO
    environment(**dict.fromkeys(names, "https://kimi.example"), TOKEN_ENCRYPTION_KEYS=f"{new_key()},{OF_THE_DEMO}")
    assert load(Process).token_encryption_keys[1] == OF_THE_DEMO, "who has used it can put another in its place"


def test_only_secrets_that_are_worth_something_are_worth_a_word(environment: Environment) -> None:
    assert load(Process).leaves_secrets_plain
    here = dict.fromkeys(("KIMI_WEB_URL", "KIMI_AUTH_URL", "KIMI_CLASSIC_URL"), "http://127.0.0.1:9/")
    environment(**here, MOONSHOT_URL="http://localhost:9/v1")
    assert not load(Process).leaves_secrets_plain, "Kimi is played"
    environment(**here, MOONSHOT_URL="http://[::1]:9/v1")
    assert not load(Process).leaves_secrets_plain
    environment(**here, MOONSHOT_URL="https://api.moonshot.cn/v1")
    assert load(Process).leaves_secrets_plain
    environment(TOKEN_ENCRYPTION_KEYS=new_key())
    assert not load(Process).leaves_secrets_plain


@pytest.mark.usefixtures("environment")
def test_an_env_file_that_is_no_text_is_told_in_a_sentence() -> None:
    Path(".env").write_bytes(b"PORT=\xff\xfe")
    with pytest.raises(SettingsError, match=r"^\.env cannot be read: it is not UTF-8 text$"):
        load(Process)


def test_what_keeps_a_process_from_starting_is_one_message_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, reporting("refresher"):
        raise StartError("nothing works")
    assert caught.value.code == 2
    assert capsys.readouterr().err == "refresher: nothing works\n"


def test_a_store_that_does_not_answer_is_told_with_the_variable_that_names_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught, reporting("gateway"):
        raise StoreUnavailable("Redis does not answer: refused")
    assert caught.value.code == 2
    assert capsys.readouterr().err == "gateway: Redis does not answer: refused; check REDIS_URL\n"


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), reporting("refresher"):
        _ = 1 // 0
