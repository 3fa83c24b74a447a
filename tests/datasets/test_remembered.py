"""What a reference was found to mean is kept, holds no secret, and is checked when it is read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.reference import Digest
from jupyter_remote_gpu.datasets.remembered import Remembered, as_plain, from_plain
from jupyter_remote_gpu.datasets.source import RemoteFile, Resolved
from jupyter_remote_gpu.errors import BadReferenceError

NEWS = Resolved(
    parse_reference("o/news", called="mine"),
    "4",
    (
        RemoteFile("archive.zip", 10, (Digest("md5", "ab"), Digest("crc32c", "cd")), unpack=True),
        RemoteFile("a/b.csv", None, (), True, "b.csv"),
    ),
    open_to_all=False,
    page="https://www.kaggle.com/datasets/o/news",
)


def test_what_was_found_is_kept_until_it_is_to_be_forgotten(tmp_path: Path) -> None:
    book = Remembered(tmp_path / "deep" / "datasets.json")
    assert book.get(NEWS.reference) is None
    book.put(NEWS)
    assert Remembered(tmp_path / "deep" / "datasets.json").get(NEWS.reference) == NEWS
    assert book.get(parse_reference("o/news")) is None
    assert book.forget(NEWS.reference)
    assert not book.forget(NEWS.reference)
    assert book.get(NEWS.reference) is None


def test_what_signs_an_address_is_used_but_not_kept(tmp_path: Path) -> None:
    signed = parse_reference("https://u:pass@a.org/x.zip?X-Amz-Signature=f00d")
    book = Remembered(tmp_path / "datasets.json")
    book.put(replace(NEWS, reference=signed))
    text = (tmp_path / "datasets.json").read_text()
    assert "f00d" not in text
    assert "pass" not in text
    found = book.get(signed)
    assert found is not None
    assert found.reference == signed
    # What is left out may be what tells two files apart.
    for other in ("https://a.org/x.zip?key=2", "https://a.org/x.zip"):
        assert book.get(parse_reference(other)) is None
        assert Remembered(tmp_path / "datasets.json").get(parse_reference(other)) is None
    later = Remembered(tmp_path / "datasets.json")
    assert later.get(signed) is None
    assert later.alike(signed) == found
    book.put(replace(NEWS, reference=parse_reference("https://a.org/x.zip")))
    assert book.get(signed) is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"kaggle://o/news mine": {"format": 9}}'])
def test_a_damaged_file_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "datasets.json").write_text(text)
    assert Remembered(tmp_path / "datasets.json").get(NEWS.reference) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("address", "ftp://a"),
        ("files", [["../../x", 1, {}, False, ""]]),
        ("files", [["x", -1, {}, False, ""]]),
        ("files", [["x"]]),
        ("files", None),
        ("format", 2),
    ],
)
def test_descriptions_are_checked(field: str, value: Any) -> None:
    said = json.loads(json.dumps(as_plain(NEWS)))
    assert from_plain(said) == NEWS
    with pytest.raises(BadReferenceError):
        from_plain({**said, field: value})
