from __future__ import annotations

import pytest

from kimi.files import names


@pytest.mark.parametrize(
    ("given", "tidied"),
    [
        ("report.pdf", "report.pdf"),
        ("年度报告 2025.docx", "年度报告 2025.docx"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        ("folder/", "folder"),
        ("a\r\nSet-Cookie: x", "a Set-Cookie: x"),
        ("a\x00\u202efdp.exe", "a fdp.exe"),
        ("half \ud83d emoji", "half emoji"),
        (" .hidden. ", "hidden"),
        ("..", ""),
        ("", ""),
        ("x" * 300 + ".markdown", "x" * 91 + ".markdown"),
    ],
)
def test_a_name_is_made_harmless(given: str, tidied: str) -> None:
    assert names.tidy(given) == tidied


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.com/a/report.pdf?token=hush#page", "report.pdf"),
        ("https://example.com/%E5%B9%B4%E6%8A%A5.pdf", "年报.pdf"),
        ("https://example.com/a%2F..%2Fb.txt", "b.txt"),
        ("https://example.com/%ff.txt", "\ufffd.txt"),
        ("https://example.com/", ""),
        ("https://user:hush@example.com", ""),
        ("https://[broken/a.txt", ""),
    ],
)
def test_the_name_in_a_url_is_the_last_part_of_its_path(url: str, name: str) -> None:
    assert names.of_url(url) == name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a b.pdf"', "a b.pdf"),
        ("attachment; filename=a.pdf", "a.pdf"),
        ("attachment; filename*=UTF-8''%E5%B9%B4.pdf", "年.pdf"),
        ('attachment; filename="../../a.pdf"', "a.pdf"),
        ('attachment; filename="' + "年.pdf".encode().decode("latin-1") + '"', "年.pdf"),
        ('attachment; filename="\xe4\xf6.pdf"', "äö.pdf"),
        ("attachment", ""),
        ("", ""),
        ("attachment; filename*=no-such-charset''%E5.pdf", "å.pdf"),
        ("attachment; filename*=undefined''x", ""),
        ("attachment; filename*=idna''%ff%fe", ""),
        ("attachment; filename*=a\x00b''x", ""),
        ("attachment; filename*" + "9" * 5000 + "=x; filename*0=y", ""),
        ("attachment; filename*=x; filename*0=y", ""),
        ("attachment; filename=a.pdf" + ";" * 65_000, "a.pdf"),
        ("attachment" + ";" * 65_000 + "filename=a.pdf", ""),
    ],
)
def test_the_name_in_a_header(header: str, name: str) -> None:
    assert names.of_disposition(header) == name


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a.PDF", ".pdf"),
        ("a.tar.gz", ".gz"),
        ("a", ""),
        (".bashrc", ""),
        ("Mr. Smith", ""),
        ("a.c++", ".c++"),
        ("", ""),
    ],
)
def test_endings(name: str, ending: str) -> None:
    assert names.ending(name) == ending
