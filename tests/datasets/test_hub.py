"""The Hub's datasets and models become links; each refusal says what to do next."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Callable

import pytest

from jupyter_remote_gpu.datasets.credentials.credential import Credential
from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.hub import HubSource, _of_head
from jupyter_remote_gpu.datasets.hub_calls import HubCalls
from jupyter_remote_gpu.datasets.reference import Digest
from jupyter_remote_gpu.datasets.source import Link, RemoteFile
from jupyter_remote_gpu.datasets.web import Answer, Web
from jupyter_remote_gpu.errors import (
    CredentialsRefusedError,
    NoCredentialsError,
    NoSuchDataError,
    PrivateDataError,
    RateLimitedError,
    RulesNotAcceptedError,
    SourceDownError,
)
from tests.datasets.emulators.hub import TOKEN, USER, Hub, Repository, git_blob
from tests.datasets.emulators.serving import Reply, json_reply

LARGE = b"0123456789" * 2000
FILES = {"README.md": b"# Items\n", "data/train 1.parquet": LARGE, "data/test.csv": b"a\n"}
ALICE = Credential("a test", TOKEN)
ITEMS = parse_reference("hf://datasets/shop/items")

Sources = Callable[..., HubSource]


@pytest.fixture
def source(hub: Hub) -> Sources:
    """The Hub as a source, for Alice or for nobody; waits between tries are skipped."""

    def make(who: Credential | None = ALICE) -> HubSource:
        web = Web("the Hub", pause=lambda seconds: None)
        return HubSource(HubCalls(web, hub.url, lambda: who))

    hub.repositories["datasets/shop/items"] = Repository([{"old": b"1"}, FILES])
    return make


def _get(link: Link) -> bytes:
    request = urllib.request.Request(link.url, headers=dict(link.headers))
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())


def test_a_dataset_is_a_commit_and_its_files(hub: Hub, source: Sources) -> None:
    hub.pages = 2
    one = source()
    resolved = one.resolve(ITEMS)
    commit = list(hub.repositories["datasets/shop/items"].names())[-1]
    large, small = hashlib.sha256(LARGE).hexdigest(), git_blob(b"a\n")
    assert resolved.text == f"hf://datasets/shop/items@{commit}"
    assert resolved.open_to_all
    assert resolved.files == (
        RemoteFile("README.md", 8, (Digest("git-blob", git_blob(b"# Items\n")),)),
        RemoteFile("data/train 1.parquet", 20_000, (Digest("sha256", large),)),
        RemoteFile("data/test.csv", 2, (Digest("git-blob", small),)),
    )
    asked = len(hub.asked)
    links = one.links(resolved, resolved.files)
    # Lasting addresses: no request, no token, and the bytes are those of the commit.
    assert len(hub.asked) == asked
    assert not any(link.headers for link in links)
    hub.repositories["datasets/shop/items"].commits.append({"data/test.csv": b"new"})
    assert [_get(link) for link in links] == list(FILES.values())


def test_a_file_whose_size_nobody_says_is_taken_all_the_same() -> None:
    # A proxy that packs what it passes on says no length.
    answer = Answer("https://huggingface.co/a", 200, {"etag": f'"{git_blob(b"a")}"'})
    digest = Digest("git-blob", git_blob(b"a"))
    assert _of_head("a.csv", answer) == RemoteFile("a.csv", None, (digest,))


@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("data/test.csv", ["data/test.csv"]),
        ("data/train 1.parquet", ["data/train 1.parquet"]),
        ("data", ["data/train 1.parquet", "data/test.csv"]),
        ("data/*.csv", ["data/test.csv"]),
        ("*.md", ["README.md"]),
    ],
)
def test_a_path_may_be_a_file_a_folder_or_a_pattern(
    source: Sources, path: str, files: list[str]
) -> None:
    whole = {file.path: file for file in source().resolve(ITEMS).files}
    found = source().resolve(parse_reference(f"hf://datasets/shop/items/{path}")).files
    assert list(found) == [whole[file] for file in files]


def test_versions_are_branches_tags_and_commits(hub: Hub, source: Sources) -> None:
    old = source().resolve(parse_reference("hf://datasets/shop/items@v1"))
    assert [file.path for file in old.files] == ["old"]
    again = source().resolve(parse_reference(f"hf://datasets/shop/items@{old.version}"))
    assert again.key == old.key
    with pytest.raises(NoSuchDataError, match="v9"):
        source().resolve(parse_reference("hf://datasets/shop/items@v9"))
    with pytest.raises(NoSuchDataError, match="nothing"):
        source().resolve(parse_reference("hf://datasets/shop/items/nothing"))


def test_of_private_data_large_files_come_signed_and_small_ones_for_the_token(
    hub: Hub, source: Sources
) -> None:
    hub.repositories["datasets/shop/items"].private = True
    one = source()
    resolved = one.resolve(ITEMS)
    assert not resolved.open_to_all
    links = one.links(resolved, resolved.files)
    assert [link.needs_token for link in links] == [True, False, True]
    assert links[1].url.startswith(hub.storage.url)
    assert links[1].expires_at is not None
    assert not links[1].headers
    assert [_get(link) for link in links] == list(FILES.values())
    assert TOKEN not in repr(links)


def test_models_and_names_without_an_owner(hub: Hub, source: Sources) -> None:
    hub.repositories["models/gpt2"] = Repository([{"config.json": b"{}"}])
    hub.repositories["models/org/old"] = Repository([{"w": LARGE}], moved_to="org/new")
    hub.repositories["models/org/new"] = Repository([{"w": LARGE}], private=True)
    resolved = source().resolve(parse_reference("hf://gpt2"))
    assert resolved.page == f"{hub.url}/gpt2"
    moved = source().resolve(parse_reference("hf://org/old/w"))
    assert moved.files[0].bytes == len(LARGE)


def test_a_gate_says_where_to_agree(hub: Hub, source: Sources) -> None:
    items = hub.repositories["datasets/shop/items"]
    items.gated = True
    with pytest.raises(RulesNotAcceptedError, match="terms") as caught:
        source().resolve(ITEMS)
    assert caught.value.page == f"{hub.url}/datasets/shop/items"
    with pytest.raises(NoCredentialsError, match="HF_TOKEN"):
        source(None).resolve(ITEMS)
    items.accepted.add(USER)
    assert not source().resolve(ITEMS).open_to_all


def test_refusals_are_told_apart(hub: Hub, source: Sources) -> None:
    with pytest.raises(CredentialsRefusedError, match="a test") as caught:
        source(Credential("a test", "hf_revoked_0123456789")).resolve(ITEMS)
    assert "hf_revoked_0123456789" not in str(caught.value)
    with pytest.raises(NoSuchDataError, match="cannot see it"):
        source().resolve(parse_reference("hf://datasets/shop/none"))
    hub.repositories["datasets/shop/items"].private = True
    with pytest.raises(NoSuchDataError, match="no token was found"):
        source(None).resolve(ITEMS)
    hub.faults.answer("/revision/", Reply(403))
    with pytest.raises(PrivateDataError, match="may not read"):
        source().resolve(ITEMS)
    limit = {"RateLimit": '"api";r=0;t=55', "RateLimit-Policy": '"fixed window";"api";q=500;w=300'}
    hub.faults.answer("/revision/", Reply(429, limit))
    with pytest.raises(RateLimitedError, match="55 s") as slow:
        source().resolve(ITEMS)
    assert slow.value.retry_after == 55
    hub.faults.answer("/revision/", Reply(500), times=4)
    with pytest.raises(SourceDownError, match="500"):
        source().resolve(ITEMS)


def test_the_token_goes_nowhere_but_to_the_hub(hub: Hub, source: Sources) -> None:
    hub.repositories["datasets/shop/items"].private = True
    listing = json_reply([], Link=f'<{hub.storage.url}/next>; rel="next"')
    hub.faults.answer("/tree/", listing)
    hub.storage.faults.answer("/next", json_reply([]))
    with pytest.raises(NoSuchDataError, match="no file"):
        source().resolve(ITEMS)
    assert [asked.authorization for asked in hub.storage.asked] == [""]
