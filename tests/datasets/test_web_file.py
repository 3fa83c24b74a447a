"""A file at a web address: size and version are known before it comes, refusals are told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.reference import Digest
from jupyter_remote_gpu.datasets.source import RemoteFile
from jupyter_remote_gpu.datasets.web import Web
from jupyter_remote_gpu.datasets.web_file import WebSource
from jupyter_remote_gpu.errors import (
    CredentialsRefusedError,
    DatasetError,
    NoSuchDataError,
    PrivateDataError,
    RateLimitedError,
    SourceDownError,
)
from tests.datasets.emulators.serving import Reply, serving
from tests.datasets.emulators.storage import Storage

ITEMS = b"id,text\n" * 500


@pytest.fixture
def server(storage: Storage) -> Storage:
    """A web server with a table, open to all."""
    storage.signs = False
    storage.put("/shop/items.csv", ITEMS)
    return storage


@pytest.fixture
def other() -> Iterator[Storage]:
    """A server of another origin."""
    with serving(one := Storage()):
        one.signs = False
        yield one


def _source() -> WebSource:
    return WebSource(Web("the server", pause=lambda seconds: None))


def test_what_a_server_says_is_known_before_the_data_come(server: Storage) -> None:
    reference = parse_reference(f"{server.url}/shop/items.csv")
    resolved = _source().resolve(reference)
    md5 = Digest("md5", hashlib.md5(ITEMS).hexdigest())
    assert resolved.files == (RemoteFile("items.csv", len(ITEMS), (md5,)),)
    assert server.lines == ["GET /shop/items.csv bytes=0-0"]
    assert _source().resolve(reference).key == resolved.key
    server.put("/shop/items.csv", ITEMS + b"1")
    assert _source().resolve(reference).key != resolved.key


def test_a_server_without_ranges_sends_nothing_in_vain(server: Storage) -> None:
    server.ranges = False
    server.put("/large.bin", bytes(30_000_000))
    (file,) = _source().resolve(parse_reference(f"{server.url}/large.bin")).files
    assert file.bytes == 30_000_000


def test_a_digest_is_the_version(server: Storage) -> None:
    digest = hashlib.sha256(ITEMS).hexdigest()
    text = f"{server.url}/shop/items.csv#sha256={digest}"
    resolved = _source().resolve(parse_reference(text))
    assert resolved.version == digest
    assert Digest("sha256", digest) in resolved.files[0].digests
    assert _source().links(resolved, resolved.files)[0].url == f"{server.url}/shop/items.csv"


def test_an_archive_is_known_by_its_name_wherever_that_stands(server: Storage) -> None:
    server.put("/download/7", b"PK")
    named = {"Content-Disposition": 'attachment; filename="photos 1.tar.gz"'}
    server.faults.answer("/download/7", Reply(200, named, b"PK"))
    (file,) = _source().resolve(parse_reference(f"{server.url}/download/7")).files
    assert (file.path, file.unpack) == ("photos-1.tar.gz", True)
    evil = {"Content-Disposition": 'attachment; filename="../../.bashrc"'}
    server.faults.answer("/download/7", Reply(200, evil, b"PK"))
    (file,) = _source().resolve(parse_reference(f"{server.url}/download/7")).files
    assert file.path == "bashrc"


def test_a_page_is_no_file(server: Storage) -> None:
    page = {"Content-Type": "text/html; charset=utf-8"}
    server.faults.answer("/dataset/7", Reply(200, page, b"<html>"))
    with pytest.raises(NoSuchDataError, match="a page to read"):
        _source().resolve(parse_reference(f"{server.url}/dataset/7"))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NoSuchDataError),
        (403, PrivateDataError),
        (401, PrivateDataError),
        (429, RateLimitedError),
        (503, SourceDownError),
    ],
)
def test_refusals_are_told_apart(server: Storage, status: int, error: type[DatasetError]) -> None:
    server.faults.answer("items.csv", Reply(status), times=9)
    with pytest.raises(error, match=r"items\.csv") as caught:
        _source().resolve(parse_reference(f"{server.url}/shop/items.csv?token=s3cret"))
    assert "s3cret" not in str(caught.value)


def test_a_password_goes_to_the_server_and_follows_no_redirect(
    server: Storage, other: Storage
) -> None:
    other.put("/real.csv", ITEMS)
    elsewhere = Reply(302, {"Location": f"{other.url}/real.csv"})
    server.faults.answer("items.csv", elsewhere)
    address = f"{server.url}/shop/items.csv".replace("://", "://alice:pa55word@")
    resolved = _source().resolve(parse_reference(address))
    assert server.asked[0].authorization.startswith("Basic ")
    assert other.asked[0].authorization == ""
    (link,) = _source().links(resolved, resolved.files)
    assert link.needs_token
    assert "pa55word" not in f"{link!r} {resolved.text} {link.url} {link.shown}"
    server.faults.answer("items.csv", Reply(401))
    with pytest.raises(CredentialsRefusedError):
        _source().resolve(parse_reference(address))


def test_redirects_in_circles_come_to_an_end(server: Storage) -> None:
    server.faults.answer("/a", Reply(302, {"Location": "/a"}), times=50)
    with pytest.raises(SourceDownError, match="circles"):
        _source().resolve(parse_reference(f"{server.url}/a"))
    assert len(server.asked) == 10
