"""Datasets placed by a real agent: one download, however many ask; kept, listed, removed."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

import jupyter_remote_gpu
from jupyter_remote_gpu.datasets.credentials.credential import Credential
from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.kaggle import KaggleSource
from jupyter_remote_gpu.datasets.kaggle_calls import KaggleCalls
from jupyter_remote_gpu.datasets.web import Web
from jupyter_remote_gpu.errors import DatasetError, InternalError, InTheWayError, PrivateDataError
from jupyter_remote_gpu.protocol import dataset_messages, messages
from jupyter_remote_gpu.protocol.steps import Step
from tests.agent.datasets.asking import Asking, Signing
from tests.agent.datasets.maker import MEGABYTE, noise, zipped
from tests.agent.datasets.serving import Server
from tests.datasets.emulators.kaggle import TOKEN, Dataset, Kaggle
from tests.datasets.emulators.serving import serving as emulating
from tests.datasets.emulators.storage import Storage

LAUNCH = Path(jupyter_remote_gpu.__file__).parent / "agent" / "launch.py"


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    made = Asking(tmp_path_factory.mktemp("base"))
    yield made
    made.close()


@pytest.fixture
def source(server: Server, request: pytest.FixtureRequest) -> Signing:
    """A source of one dataset; each test has a version of its own."""
    made = Signing(server)
    made.server.put("a.csv", b"a,b\n" * 1000)
    return made


@pytest.fixture
def storage() -> Iterator[Storage]:
    with emulating(one := Storage()):
        yield one


@pytest.fixture
def kaggle(storage: Storage) -> Iterator[Kaggle]:
    with emulating(one := Kaggle(storage)):
        yield one


def fetchers(asking: Asking) -> dict[int, str]:
    """Return the processes that fetch for this agent: their command lines by number."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            parent = path.with_name("stat").read_text().rpartition(")")[2].split()[1]
            agent = Path("/proc", parent, "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"fetch" in words and os.fsencode(LAUNCH) in words and os.fsencode(asking.home) in agent:
            found[int(path.parent.name)] = b" ".join(words).decode()
    return found


def test_a_dataset_is_linked_into_a_workspace_and_costs_nothing_again(
    asking: Asking, source: Signing
) -> None:
    resolved = source.resolved("a.csv", version="linked")
    placed = asking.place(source, resolved, workspace="one", at="data/d")
    link = asking.base / "workspaces/one/project/data/d"
    assert placed.path == str(link)
    assert (link / "a.csv").read_bytes() == b"a,b\n" * 1000
    assert placed.checked == ("md5",)
    source.server.asked.clear()
    source.asked.clear()
    again = asking.place(source, resolved, workspace="two", at="data/d")
    assert (source.asked, source.server.asked) == ([], [])
    other = asking.base / "workspaces/two/project/data/d"
    assert again.path == str(other)
    assert (other / "a.csv").stat().st_ino == (link / "a.csv").stat().st_ino


def test_many_who_ask_wait_for_one_download(asking: Asking, source: Signing) -> None:
    data = noise(2 * MEGABYTE)
    kept = source.server.put("b.bin", data)
    go = threading.Event()

    def hold() -> None:
        go.wait(30)

    kept.before = hold
    resolved = source.resolved("b.bin", version="many")
    clients = [asking.join() for _ in range(4)]
    going = [asking.start(source, resolved, client) for client in clients]
    while not source.server.ranges("b.bin"):
        asking.pause()
    assert len(fetchers(asking)) == 1
    go.set()
    assert len({one.result(60).path for one in going}) == 1
    total = sum(
        int(last) - int(first) + 1
        for first, _, last in (
            text.removeprefix("bytes=").partition("-") for text in source.server.ranges("b.bin")
        )
    )
    assert total < len(data) + 16 * MEGABYTE


def test_what_a_source_fails_with_is_what_the_user_gets(asking: Asking, source: Signing) -> None:
    source.fails = PrivateDataError("these are private", hint="Ask for access.")
    with pytest.raises(PrivateDataError) as caught:
        asking.place(source, source.resolved("a.csv", version="private"))
    assert caught.value is source.fails
    source.fails = KeyError("https://h.org/?X-Goog-Signature=1")
    with pytest.raises(InternalError, match="KeyError") as told:
        asking.place(source, source.resolved("a.csv", version="mistaken"))
    assert "X-Goog" not in str(told.value)


def test_a_killed_download_goes_on_where_it_was(asking: Asking, source: Signing) -> None:
    data = noise(40 * MEGABYTE)
    kept = source.server.put("c.bin", data)
    resolved = source.resolved("c.bin", version="killed")
    go, behind_the_first = threading.Event(), threading.Event()

    def hold() -> None:
        if len(source.server.ranges("c.bin")) > 1:
            behind_the_first.set()
            go.wait(60)

    kept.before = hold
    going = asking.start(source, resolved)
    assert behind_the_first.wait(60)
    for number in fetchers(asking):
        os.kill(number, signal.SIGKILL)
    with pytest.raises(DatasetError, match="ended"):
        going.result(60)
    go.set()
    (unfinished,) = [one for one in asking.listed() if one["key"] == resolved.key]
    assert not unfinished["whole"] and unfinished["bytes"] >= MEGABYTE
    source.server.asked.clear()
    kept.before = lambda: None
    asking.place(source, resolved)
    starts = [
        int(text.removeprefix("bytes=").partition("-")[0]) for text in source.server.ranges("c.bin")
    ]
    assert min(starts) == MEGABYTE


def test_the_last_user_who_stops_ends_it(asking: Asking, source: Signing) -> None:
    kept = source.server.put("e.bin", noise(MEGABYTE))
    go, asked = threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        go.wait(30)

    kept.before = hold
    resolved = source.resolved("e.bin", version="stopped")
    first = asking.start(source, resolved)
    assert asked.wait(30)
    steps = len(asking.steps)
    second = asking.start(source, resolved, asking.join())
    while len(asking.steps) == steps:
        asking.pause()  # until it hears of the download, too
    for number, going in enumerate((second, first), 1):
        assert len(fetchers(asking)) == 1
        going.cancel()
        with pytest.raises(CancelledError):
            going.result(30)
        assert number == 2 or len(fetchers(asking)) == 1  # somebody waits for it still
    while fetchers(asking):
        asking.pause()
    go.set()


def test_no_link_and_no_token_is_on_the_disk_or_to_be_seen(asking: Asking, source: Signing) -> None:
    from jupyter_remote_gpu.datasets.source import Link

    secret = "KGAT_0123456789abcdef"
    source.server.put("f.bin", noise(MEGABYTE))
    go, asked = threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        go.wait(30)

    source.server.files["f.bin"].before = hold
    source.sign = lambda path: Link(
        f"{source.server.root}/{path}?X-Goog-Signature={secret}",
        {"Authorization": f"Bearer {secret}"},
    )
    going = asking.start(source, source.resolved("f.bin", version="secret"))
    assert asked.wait(30)
    (number,) = fetchers(asking)
    for name in ("cmdline", "environ"):
        assert secret.encode() not in _read(Path(f"/proc/{number}/{name}"))
    hits = [path for path in asking.base.rglob("*") if path.is_file() and _holds(path, secret)]
    go.set()
    going.result(60)
    hits += [path for path in asking.base.rglob("*") if path.is_file() and _holds(path, secret)]
    assert hits == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except PermissionError:
        return b""  # which is even better


def _holds(path: Path, secret: str) -> bool:
    return secret.encode() in path.read_bytes()


def test_what_is_in_the_way_is_left_alone(asking: Asking, source: Signing) -> None:
    place = asking.base / "workspaces/way/project/data/d"
    place.mkdir(parents=True)
    with pytest.raises(InTheWayError, match="data/d is there already"):
        asking.place(source, source.resolved("a.csv", version="way"), workspace="way", at="data/d")
    assert list(place.iterdir()) == []


def test_another_version_takes_the_links_place(asking: Asking, source: Signing) -> None:
    for version in ("v1", "v2"):
        source.server.put("a.csv", version.encode())
        resolved = source.resolved("a.csv", version=version)
        placed = asking.place(source, resolved, workspace="versions", at="data/d")
        assert (Path(placed.path) / "a.csv").read_text() == version


def test_it_is_listed_kept_while_it_is_read_and_removed_with_its_links(
    asking: Asking, source: Signing
) -> None:
    source.server.put("x.zip", zipped({f"{n}/{n}": b"1" * n for n in range(50)}))
    resolved = source.resolved("x.zip", version="gone", unpack=True)
    placed = asking.place(source, resolved, workspace="gone", at="data/d")
    (found,) = [one for one in asking.listed() if one["key"] == resolved.key]
    assert (found["files"], found["whole"], found["at"]) == (50, True, [placed.path])
    assert found["used"] > 0
    items = {one["item"]: one["kind"] for one in asking.ask(messages.Remains)["items"]}
    assert items[f"datasets/{resolved.key}"] == "dataset"
    with open(Path(placed.path) / "7/7"):
        answer = asking.ask(dataset_messages.RemoveDatasets, keys=[resolved.key, "none"])
    assert answer["kept"] == {
        resolved.key: "a process reads from it",
        "none": "there is nothing of that name",
    }
    answer = asking.ask(dataset_messages.RemoveDatasets, keys=[resolved.key])
    assert answer["freed"] > 0 and answer["kept"] == {}
    assert not os.path.lexists(placed.path)
    assert resolved.key not in {one["key"] for one in asking.listed()}


def test_cleaning_frees_a_dataset_with_its_links(asking: Asking, source: Signing) -> None:
    resolved = source.resolved("a.csv", version="clean")
    placed = asking.place(source, resolved, workspace="clean", at="data/d")
    answer = asking.ask(messages.Clean, items=[f"datasets/{resolved.key}"])
    assert answer["freed"] > 0 and answer["kept"] == {}
    assert not os.path.lexists(placed.path)


@pytest.mark.slow
def test_git_never_sees_it(asking: Asking, source: Signing, tmp_path: Path) -> None:
    files = {f"train/{n // 100}/{n}.txt": b"" for n in range(30_000)}
    source.server.put("x.zip", zipped(files))
    subprocess.run(["git", "init", "-q", str(tmp_path / "repository")], check=True)
    project = tmp_path / "repository" / "sub"
    project.mkdir()
    resolved = source.resolved("x.zip", version="git", unpack=True)
    placed = asking.place(source, resolved, folder=str(project), at="data/d")
    assert sum(1 for path in Path(placed.path).rglob("*.txt")) == 30_000
    said = subprocess.run(
        ["git", "-C", str(project), "status", "--porcelain", "-uall"],
        check=True,
        capture_output=True,
    )
    assert said.stdout == b""


def test_a_dataset_of_kaggle_comes_by_a_signed_link_and_no_token_leaves(
    asking: Asking, kaggle: Kaggle, storage: Storage
) -> None:
    files = {"True.csv": b"title\n" * 100_000, "raw/a/1.txt": b"one", "empty": b""}
    kaggle.datasets["o/news"] = Dataset([files])
    calls = KaggleCalls(Web("Kaggle"), kaggle.url, lambda: Credential("a test", TOKEN))
    source = KaggleSource(calls)
    resolved = source.resolve(parse_reference("kaggle://o/news"))
    placed = asking.place(source, resolved, workspace="news", at="data/news")
    found = {
        str(path.relative_to(placed.path)): path.read_bytes()
        for path in Path(placed.path).rglob("*")
        if path.is_file()
    }
    assert found == files
    assert placed.checked == ("md5",)
    assert all(asked.authorization == "" for asked in storage.asked)
    requests = len(kaggle.asked)
    asking.place(source, resolved, workspace="other", at="data/news")
    assert len(kaggle.asked) == requests


def test_killed_while_it_unpacks_it_goes_on_and_fetches_nothing_again(
    asking: Asking, source: Signing
) -> None:
    files = {f"{n % 50}/{n}.bin": noise(20_000, n) for n in range(3000)}
    source.server.put("k.zip", zipped(files))
    resolved = source.resolved("k.zip", version="unpacking", unpack=True)
    killed = threading.Event()

    def kill(step: Step) -> None:
        if step.what.startswith("unpacking") and not killed.is_set():
            killed.set()
            for number in fetchers(asking):
                os.kill(number, signal.SIGKILL)

    asking.on_step = kill
    try:
        with pytest.raises(DatasetError, match="ended"):
            asking.place(source, resolved)
    finally:
        asking.on_step = lambda step: None
    source.server.asked.clear()
    placed = asking.place(source, resolved)
    assert source.server.asked == []
    found = {
        str(path.relative_to(placed.path)): path.read_bytes()
        for path in Path(placed.path).rglob("*.bin")
    }
    assert found == files
