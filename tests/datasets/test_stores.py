"""Buckets: what lies below a key becomes signed links; s3fs is met as it is."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.datasets.data_path import DataPath
from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.here import DatasetsHere
from jupyter_remote_gpu.datasets.reference import Kind
from jupyter_remote_gpu.datasets.remembered import Remembered
from jupyter_remote_gpu.datasets.source import Link
from jupyter_remote_gpu.datasets.sources import Sources
from jupyter_remote_gpu.datasets.stores import StoreSource
from jupyter_remote_gpu.errors import (
    CredentialsRefusedError,
    NoSuchDataError,
    NotAvailableError,
    PrivateDataError,
)
from jupyter_remote_gpu.session.cell_data import ProjectData
from tests.datasets.emulators.bucket import KEY_ID, SECRET, Bucket
from tests.datasets.emulators.serving import serving

OBJECTS = {
    "shop/": b"",
    "shop/items/a.csv": b"id\n1\n",
    "shop/items/sub/b c.csv": b"id\n2\n",
    "shop/photos.zip": b"PK",
}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket for who has the key, which is in the environment."""
    pytest.importorskip("s3fs")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with serving(one := Bucket("data", OBJECTS)):
        monkeypatch.setenv("AWS_ENDPOINT_URL", one.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
        yield one


def _get(link: Link) -> bytes:
    with urllib.request.urlopen(link.url, timeout=10) as answer:
        return bytes(answer.read())


def test_what_lies_below_a_key_comes_with_signed_links(bucket: Bucket) -> None:
    bucket.pages = 1
    source = StoreSource(Kind.S3)
    resolved = source.resolve(parse_reference("s3://data/shop/items"))
    assert [(file.path, file.bytes) for file in resolved.files] == [
        ("a.csv", 5),
        ("sub/b c.csv", 5),
    ]
    links = source.links(resolved, resolved.files)
    assert [_get(link) for link in links] == [b"id\n1\n", b"id\n2\n"]
    assert all(link.expires_at is not None and not link.headers for link in links)
    assert SECRET not in f"{links} {[link.url for link in links]}"
    bucket.objects["shop/items/a.csv"] = b"id\n3\n"
    assert source.resolve(resolved.reference).key != resolved.key


def test_an_object_that_is_an_archive_gets_unpacked(bucket: Bucket) -> None:
    source = StoreSource(Kind.S3)
    resolved = source.resolve(parse_reference("s3://data/shop/photos.zip"))
    assert [(file.path, file.unpack) for file in resolved.files] == [("photos.zip", True)]
    assert _get(source.links(resolved, resolved.files)[0]) == b"PK"


def test_a_local_cell_reads_an_object_in_parts(bucket: Bucket, tmp_path: Path) -> None:
    bucket.objects["shop/large.csv"] = b"id,price\n" + b"1,2.5\n" * 500_000
    project = ProjectData(tmp_path, Sources(), Remembered(tmp_path / "datasets.json"))
    root = DatasetsHere(project, tmp_path / "cache", print).dataset("s3://data/shop/large.csv")
    assert isinstance(root, DataPath)
    with (root / "large.csv").open() as table:
        assert table.readline() == "id,price\n"
    parts = [asked.headers["range"] for asked in bucket.asked if "range" in asked.headers]
    assert sum(1 + int(b) - int(a) for a, b in (p[6:].split("-") for p in parts)) < 600_000


def test_public_data_need_no_key(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(PrivateDataError, match="No credentials were found"):
        StoreSource(Kind.S3).resolve(parse_reference("s3://data/shop/items"))
    bucket.public = True
    source = StoreSource(Kind.S3)
    resolved = source.resolve(parse_reference("s3://data/shop/items"))
    assert resolved.open_to_all
    # What was resolved is kept: links are asked for by a later notebook, too.
    for one in (source, StoreSource(Kind.S3)):
        assert _get(one.links(resolved, resolved.files)[0]) == b"id\n1\n"
    bucket.public = False
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert not source.resolve(resolved.reference).open_to_all


def test_refusals_are_told_apart(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoSuchDataError, match="nothing at"):
        StoreSource(Kind.S3).resolve(parse_reference("s3://data/none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    with pytest.raises((CredentialsRefusedError, PrivateDataError)):
        StoreSource(Kind.S3).resolve(parse_reference("s3://data/shop"))


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "adlfs", None)
    with pytest.raises(NotAvailableError, match="adlfs"):
        StoreSource(Kind.AZURE).resolve(parse_reference("abfs://box/a.csv"))
