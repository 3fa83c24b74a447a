"""Kaggle's datasets, competitions and models become links; each refusal says what to do next."""

from __future__ import annotations

import hashlib
import time
import urllib.request
from collections.abc import Callable

import pytest

from jupyter_remote_gpu.datasets.credentials.credential import Credential
from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.kaggle import KaggleSource
from jupyter_remote_gpu.datasets.kaggle_calls import KaggleCalls
from jupyter_remote_gpu.datasets.reference import Digest
from jupyter_remote_gpu.datasets.source import RemoteFile
from jupyter_remote_gpu.datasets.web import Web
from jupyter_remote_gpu.errors import (
    CredentialsRefusedError,
    DatasetError,
    NoCredentialsError,
    NoSuchDataError,
    PrivateDataError,
    RateLimitedError,
    RulesNotAcceptedError,
    SourceDownError,
    UnsafePathError,
)
from tests.datasets.emulators.kaggle import (
    RULES,
    TOKEN,
    Competition,
    Dataset,
    Kaggle,
    tarred,
    zipped,
)
from tests.datasets.emulators.serving import Reply, json_reply

FILES = {"True.csv": b"title\n" * 100, "raw/a/1.txt": b"one", "raw/2.txt": b"two", "empty": b""}
ALICE = Credential("a test", TOKEN)
MODEL = "google/gemma/MODEL_FRAMEWORK_PY_TORCH/2b"

Sources = Callable[..., KaggleSource]


@pytest.fixture
def source(kaggle: Kaggle) -> Sources:
    """Kaggle as a source, for Alice or for nobody; waits between tries are skipped."""

    def make(who: Credential | None = ALICE) -> KaggleSource:
        web = Web("Kaggle", pause=lambda seconds: None)
        return KaggleSource(KaggleCalls(web, kaggle.url, lambda: who))

    kaggle.datasets["o/news"] = Dataset([{"old": b"1"}, FILES], packed=frozenset({"True.csv"}))
    kaggle.competitions["titanic"] = Competition({"train.csv": b"a,b\n1,2\n"}, {"alice"})
    kaggle.models[MODEL] = [{"model.safetensors": b"w" * 100, "config.json": b"{}"}]
    return make


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return bytes(answer.read())


def test_a_dataset_is_its_newest_version_as_one_archive(kaggle: Kaggle, source: Sources) -> None:
    one = source()
    resolved = one.resolve(parse_reference("kaggle://o/news"))
    archive = zipped(FILES)
    digest = Digest("md5", hashlib.md5(archive).hexdigest())
    assert resolved.text == "kaggle://o/news@2"
    assert resolved.files == (RemoteFile("archive.zip", len(archive), (digest,), unpack=True),)
    (link,) = one.links(resolved, resolved.files)
    assert _get(link.url) == archive
    assert not link.headers
    assert not link.needs_token
    assert link.expires_at is not None
    assert 250_000 < link.expires_at - time.time() < 260_000


def test_the_token_goes_to_kaggle_and_not_to_its_storage(kaggle: Kaggle, source: Sources) -> None:
    source().resolve(parse_reference("o/news"))
    assert {asked.authorization for asked in kaggle.asked} == {f"Bearer {TOKEN}"}
    assert {asked.authorization for asked in kaggle.storage.asked} == {""}
    # Of the data, one byte came here.
    assert [asked.headers["range"] for asked in kaggle.storage.asked] == ["bytes=0-0"]


def test_a_version_that_was_named_is_not_asked_for(kaggle: Kaggle, source: Sources) -> None:
    assert source().resolve(parse_reference("kaggle://o/news@1")).version == "1"
    assert [asked.path.rpartition("/")[2] for asked in kaggle.asked] == ["DownloadDataset"]


def test_one_file_may_come_packed(source: Sources) -> None:
    one = source()
    resolved = one.resolve(parse_reference("kaggle://o/news/True.csv"))
    (file,) = resolved.files
    assert (file.path, file.unpack, file.only) == ("True.csv", True, "True.csv")
    (link,) = one.links(resolved, resolved.files)
    assert _get(link.url) == zipped({"True.csv": FILES["True.csv"]})


def test_a_folder_is_its_files(kaggle: Kaggle, source: Sources) -> None:
    kaggle.pages = 1
    kaggle.datasets["o/news"].versions[-1] = FILES | {f"raw/{n}.txt": b"x" for n in range(3, 6)}
    resolved = source().resolve(parse_reference("kaggle://o/news/raw"))
    assert [(file.path, file.bytes) for file in resolved.files] == [
        ("raw/2.txt", 3),
        ("raw/3.txt", 1),
        ("raw/4.txt", 1),
        ("raw/5.txt", 1),
        ("raw/a/1.txt", 3),
    ]


def test_an_empty_file_has_a_size(source: Sources) -> None:
    (file,) = source().resolve(parse_reference("kaggle://o/news/empty")).files
    assert file.bytes == 0


def test_a_competition_is_told_apart_by_what_its_archive_is(
    kaggle: Kaggle, source: Sources
) -> None:
    one, titanic = source(), parse_reference("kaggle-competition://titanic")
    first = one.resolve(titanic)
    assert one.resolve(titanic).key == first.key
    kaggle.competitions["titanic"].files = {"train.csv": b"a,b\n1,3\n"}
    assert one.resolve(titanic).key != first.key
    assert first.text == "kaggle-competition://titanic"
    (link,) = one.links(first, first.files)
    assert _get(link.url) == zipped({"train.csv": b"a,b\n1,3\n"})


def test_a_small_model_is_its_files_and_a_large_one_an_archive(
    kaggle: Kaggle, source: Sources
) -> None:
    gemma = parse_reference("kaggle-model://google/gemma/pyTorch/2b")
    resolved = source().resolve(gemma)
    assert resolved.version == "1"
    assert [file.path for file in resolved.files] == ["model.safetensors", "config.json"]
    kaggle.models[MODEL].append({"../../evil": b"x"})
    with pytest.raises(UnsafePathError):
        source().resolve(gemma)
    kaggle.models[MODEL][1] = {f"part-{n}": b"x" for n in range(30)}
    large = source().resolve(gemma)
    (archive,) = large.files
    assert (archive.path, archive.unpack) == ("archive.tar.gz", True)
    (link,) = source().links(large, large.files)
    assert _get(link.url) == tarred(kaggle.models[MODEL][1])


REFUSALS = [
    pytest.param("o/news", 404, "", NoSuchDataError, "knows no", id="not found"),
    pytest.param("o/news", 401, "", CredentialsRefusedError, "a test", id="refused"),
    pytest.param("o/news", 403, "denied", PrivateDataError, "may not read", id="private"),
    pytest.param("o/news", 403, "accept", RulesNotAcceptedError, "agree", id="terms"),
    pytest.param("o/news", 429, "", RateLimitedError, "fewer", id="too many"),
    pytest.param("o/news", 503, "", SourceDownError, "trouble", id="down"),
]


@pytest.mark.parametrize("in_body", [False, True], ids=["by status", "in an answer of 200"])
@pytest.mark.parametrize(("text", "code", "words", "error", "told"), REFUSALS)
def test_each_refusal_is_an_error_of_its_own(
    kaggle: Kaggle,
    source: Sources,
    text: str,
    code: int,
    words: str,
    error: type[DatasetError],
    told: str,
    in_body: bool,
) -> None:
    reply = json_reply({"code": code, "message": words}, 200 if in_body else code)
    kaggle.faults.answer("GetDataset", reply, times=9)
    with pytest.raises(error, match=told) as caught:
        source().resolve(parse_reference(text))
    assert caught.value.hint
    assert words in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_rules_come_with_their_page(kaggle: Kaggle, source: Sources) -> None:
    kaggle.competitions["titanic"].accepted.clear()
    with pytest.raises(RulesNotAcceptedError, match=RULES[:20]) as caught:
        source().resolve(parse_reference("kaggle-competition://titanic"))
    assert caught.value.page == "https://www.kaggle.com/competitions/titanic/rules"


def test_without_credentials_public_data_come_and_others_say_what_is_missing(
    kaggle: Kaggle, source: Sources
) -> None:
    nobody = source(None)
    assert nobody.resolve(parse_reference("o/news")).version == "2"
    assert {asked.authorization for asked in kaggle.asked} == {""}
    with pytest.raises(NoCredentialsError, match="access_token"):
        nobody.resolve(parse_reference("kaggle-competition://titanic"))
    kaggle.datasets["o/news"].private = True
    with pytest.raises(NoCredentialsError):
        nobody.resolve(parse_reference("o/news"))
    with pytest.raises(NoSuchDataError, match="may also be private"):
        nobody.resolve(parse_reference("o/gone"))


def test_trouble_for_a_moment_is_not_told(kaggle: Kaggle, source: Sources) -> None:
    kaggle.faults.answer("GetDataset", Reply(502))
    kaggle.faults.answer("GetDataset", Reply(429, {"Retry-After": "2"}))
    kaggle.faults.drop("GetDataset", after=5)
    kaggle.storage.faults.answer("archive.zip", Reply(503))
    assert source().resolve(parse_reference("o/news")).version == "2"


def test_a_server_that_wants_a_long_pause_is_told_of(kaggle: Kaggle, source: Sources) -> None:
    kaggle.faults.answer("GetDataset", Reply(429, {"Retry-After": "3600"}))
    with pytest.raises(RateLimitedError, match="3600 s") as caught:
        source().resolve(parse_reference("o/news"))
    assert caught.value.retry_after == 3600
    assert len(kaggle.asked) == 1


def test_a_listing_cannot_name_a_path_outside(kaggle: Kaggle, source: Sources) -> None:
    listing = {"files": [{"relativeUrl": "raw/../../../.ssh/authorized_keys"}]}
    kaggle.faults.answer("ListTreeDatasetFiles", json_reply(listing))
    with pytest.raises(Exception, match="no dataset may have"):
        source().resolve(parse_reference("kaggle://o/news/raw"))


def test_a_kaggle_that_is_not_there_is_down() -> None:
    web = Web("Kaggle", pause=lambda seconds: None)
    gone = KaggleSource(KaggleCalls(web, "http://127.0.0.1:9", lambda: ALICE))
    with pytest.raises(SourceDownError, match="did not answer") as caught:
        gone.resolve(parse_reference("o/news"))
    assert TOKEN not in str(caught.value)
