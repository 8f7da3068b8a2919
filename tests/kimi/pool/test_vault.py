from __future__ import annotations

import pytest

from kimi.errors import StoreUnavailable, Unreadable
from kimi.pool.vault import SEALED, Vault
from kimi.sealing_keys import new_key

OLD, NEW, OTHER = new_key(), new_key(), new_key()


def test_what_is_sealed_can_be_opened_and_does_not_show() -> None:
    vault = Vault([NEW])
    sealed = vault.seal("eyJ.secret")
    assert sealed.startswith(SEALED)
    assert "secret" not in sealed
    assert vault.seal("eyJ.secret") != sealed, "nobody sees which accounts have the same secret"
    assert vault.open(sealed) == "eyJ.secret"
    assert (vault.key_of(sealed), vault.is_current(sealed)) == (0, True)


def test_nothing_is_opened_twice() -> None:
    vault = Vault([NEW])
    sealed = vault.seal("secret")
    assert vault.open(sealed) is vault.open(sealed), "it was remembered, and not made anew"


def test_nothing_stays_nothing() -> None:
    vault = Vault([NEW])
    assert (vault.seal(""), vault.open("")) == ("", "")
    assert vault.is_current("")


def test_without_keys_all_stays_as_it_is() -> None:
    vault = Vault()
    assert (vault.seal("plain"), vault.open("plain"), vault.key_of("plain")) == ("plain", "plain", None)
    assert vault.is_current("plain")
    assert not vault.seals


def test_what_stood_there_in_plain_text_is_read_and_is_out_of_date() -> None:
    vault = Vault([NEW])
    assert (vault.open("plain"), vault.key_of("plain"), vault.is_current("plain")) == ("plain", None, False)


def test_every_key_opens_and_the_first_one_seals() -> None:
    before, both = Vault([OLD]), Vault([NEW, OLD])
    sealed = before.seal("secret")
    assert both.open(sealed) == "secret"
    assert (both.key_of(sealed), both.is_current(sealed)) == (1, False)
    assert Vault([NEW]).open(both.seal("secret")) == "secret"


def test_another_key_than_the_first_seals_where_that_is_asked_for() -> None:
    assert Vault([OLD]).open(Vault([NEW, OLD]).seal("secret", key=1)) == "secret"


@pytest.mark.parametrize("vault", [Vault([OTHER]), Vault()], ids=["another key", "no key"])
def test_what_no_key_opens_is_told_once_and_shown_never(vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
    sealed = Vault([NEW]).seal("secret")
    for _ in range(3):
        with pytest.raises(Unreadable, match="TOKEN_ENCRYPTION_KEYS") as caught:
            vault.open(sealed)
        assert isinstance(caught.value, StoreUnavailable)
        assert sealed not in str(caught.value)
    assert not vault.is_current(sealed)
    (line,) = caplog.messages
    assert "TOKEN_ENCRYPTION_KEYS" in line
    assert sealed not in line


def test_what_was_changed_on_the_way_is_not_opened() -> None:
    vault = Vault([NEW])
    sealed = vault.seal("secret")
    swapped = "A" if sealed[-20] != "A" else "B"
    with pytest.raises(Unreadable):
        vault.open(sealed[:-20] + swapped + sealed[-19:])
