"""Local cells look at data from afar: only what is read comes; anything large is said before."""

from __future__ import annotations

import csv
import io
import os
import random
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_remote_gpu.datasets.credentials.credential import Credential
from jupyter_remote_gpu.datasets.data_path import DataPath
from jupyter_remote_gpu.datasets.here import DatasetsHere
from jupyter_remote_gpu.datasets.hub import HubSource
from jupyter_remote_gpu.datasets.hub_calls import HubCalls
from jupyter_remote_gpu.datasets.kaggle import KaggleSource
from jupyter_remote_gpu.datasets.kaggle_calls import KaggleCalls
from jupyter_remote_gpu.datasets.ranged import RangedFile
from jupyter_remote_gpu.datasets.reference import Kind
from jupyter_remote_gpu.datasets.remembered import Remembered
from jupyter_remote_gpu.datasets.source import Link
from jupyter_remote_gpu.datasets.sources import Sources
from jupyter_remote_gpu.datasets.web import Web
from jupyter_remote_gpu.errors import (
    CorruptDataError,
    NotAvailableError,
    PrivateDataError,
    SourceDownError,
    UnsafePathError,
)
from jupyter_remote_gpu.protocol.data_names import DataName
from jupyter_remote_gpu.session.cell_data import ProjectData
from tests.datasets.emulators.hub import TOKEN, Hub, Repository
from tests.datasets.emulators.kaggle import Dataset, Kaggle, zipped
from tests.datasets.emulators.storage import Storage

_random = random.Random(7)
ROWS = "id,price\n" + "".join(f"{n},{_random.random()}\n" for n in range(150_000))
FILES = {
    "train.csv": ROWS.encode(),
    "images/a.bin": _random.randbytes(3_000_000),
    "images/deep/b.txt": b"b",
    "notes.txt": "Käse\n".encode(),
}


def _web() -> Web:
    return Web("the source", pause=lambda seconds: None)


Look = Callable[[str], DataPath]


@pytest.fixture
def said() -> list[str]:
    """What was said to the user."""
    return []


@pytest.fixture
def shown() -> list[tuple[str, float]]:
    """What was shown of how far something is."""
    return []


@pytest.fixture
def look(
    kaggle: Kaggle, hub: Hub, tmp_path: Path, said: list[str], shown: list[tuple[str, float]]
) -> Look:
    """`dataset(…)` of a local cell, with Kaggle's news in it."""
    kaggle.datasets["o/news"] = Dataset([FILES])
    sources = Sources(
        {
            Kind.KAGGLE: KaggleSource(KaggleCalls(_web(), kaggle.url, lambda: None)),
            Kind.HUB_DATASET: HubSource(
                HubCalls(_web(), hub.url, lambda: Credential("a test", TOKEN))
            ),
        }
    )
    project = ProjectData(tmp_path, sources, Remembered(tmp_path / "datasets.json"))
    here = DatasetsHere(project, tmp_path / "cache", said.append, lambda *one: shown.append(one))

    def dataset(address: str) -> DataPath:
        found = here.dataset(address)
        assert isinstance(found, DataPath)
        return found

    return dataset


def _came(storage: Storage) -> int:
    """Return how many bytes were asked of the storage in parts."""
    count = 0
    for asked in storage.asked:
        first, _, last = asked.headers["range"].removeprefix("bytes=").partition("-")
        count += int(last) - int(first) + 1
    return count


def test_the_first_rows_of_a_table_in_an_archive(kaggle: Kaggle, look: Look) -> None:
    with (look("o/news") / "train.csv").open() as table:
        rows = [row for _, row in zip(range(5), csv.reader(table), strict=False)]
    assert rows == list(csv.reader(io.StringIO(ROWS)))[:5]
    assert _came(kaggle.storage) < 600_000
    assert len(kaggle.storage.objects["/datasets/o/news/1/archive.zip"].data) > 4_000_000


def test_it_is_used_as_a_path_is(look: Look) -> None:
    root = look("kaggle://o/news")
    assert sorted(path.name for path in root.iterdir()) == ["images", "notes.txt", "train.csv"]
    assert (root / "images").is_dir()
    assert not (root / "images").is_file()
    assert (root / "images" / "deep/b.txt").read_bytes() == b"b"
    assert root.joinpath("notes.txt").read_text(encoding="utf-8") == "Käse\n"
    assert (root / "train.csv").stat().st_size == len(ROWS)
    assert [str(path) for path in root.glob("images/*.bin")] == ["kaggle://o/news@1/images/a.bin"]
    assert sorted(path.name for path in root.rglob("*.*")) == [
        "a.bin",
        "b.txt",
        "notes.txt",
        "train.csv",
    ]
    assert (root / "images" / "a.bin").parent == root / "images"
    assert not (root / "none").exists()
    with pytest.raises(FileNotFoundError):
        (root / "none").open()
    with pytest.raises(FileNotFoundError):
        os.fspath(root / "none")
    with pytest.raises(IsADirectoryError):
        (root / "images").open()
    with pytest.raises(NotAvailableError, match="only be read"):
        (root / "notes.txt").open("w")


def test_it_knows_what_pathlib_asks_of_paths(look: Look) -> None:
    root = look("o/news")
    path = root / "images" / "deep" / "b.txt"
    assert path.parts == ("kaggle://o/news@1", "images", "deep", "b.txt")
    assert [str(one) for one in path.relative_to(root / "images").parents] == ["deep", "."]
    assert path.parents[2] == root == root.resolve().absolute()
    assert path.is_relative_to(root / "images")
    assert not path.is_relative_to(root / "notes.txt")
    with pytest.raises(ValueError, match="is not in"):
        root.relative_to(path)
    assert path.with_suffix(".csv").name == "b.csv"
    assert path.with_name("c").with_stem("d").suffixes == []
    assert path.match("*.txt")
    assert (path / ".." / ".." / "a.bin").is_file()
    assert stat.S_ISDIR((root / "images").stat().st_mode)
    assert stat.S_ISREG(path.stat().st_mode)
    assert [(one.name, inner, names) for one, inner, names in (root / "images").walk()] == [
        ("images", ["deep"], ["a.bin"]),
        ("deep", [], ["b.txt"]),
    ]
    assert sorted([path, root])[0] is root
    assert repr(root / "none").startswith("<nothing at ")
    for out in ("/etc/passwd", "../other", "images/../../x"):
        with pytest.raises(NotAvailableError, match="out of the data"):
            root / out
    for write in (path.write_text, path.unlink, (root / "new").mkdir):
        with pytest.raises(PermissionError):
            write()
    with pytest.raises(NotADirectoryError):
        list(path.iterdir())


def test_a_function_that_wants_a_name_gets_the_one_file(
    kaggle: Kaggle, look: Look, said: list[str]
) -> None:
    root = look("o/news")
    with open(root / "images" / "deep" / "b.txt") as data:
        assert data.read() == "b"
    assert _came(kaggle.storage) < 400_000
    before = len(kaggle.storage.asked)
    assert Path(os.fspath(root / "images" / "deep" / "b.txt")).read_text() == "b"
    assert len(kaggle.storage.asked) == before
    folder = Path(os.fspath(root / "images"))
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {"a.bin", "b.txt"}
    assert said == []


def test_anything_large_is_said_before_it_comes(
    look: Look, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("looking", "data_path"):
        monkeypatch.setattr(f"jupyter_remote_gpu.datasets.{module}.LARGE_BYTES", 2_000_000)
    root = look("o/news")
    with open(root / "train.csv") as data:
        assert data.read() == ROWS
    (line,) = said
    assert "train.csv of kaggle://o/news@1" in line
    assert "MB)" in line
    with pytest.raises(NotAvailableError, match="as a whole"):
        os.fspath(root)


def test_what_takes_a_while_says_how_far_it_is(
    look: Look, shown: list[tuple[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    os.fspath(look("o/news") / "notes.txt")
    assert shown == []
    monkeypatch.setattr("jupyter_remote_gpu.protocol.work._SHOWN_EVERY_SECONDS", 0.0)
    os.fspath(look("o/news") / "train.csv")
    assert shown[0][0].startswith("bringing train.csv: 1.0 MB of ")
    assert [done for _, done in shown] == sorted(done for _, done in shown)
    assert shown[-1][0].startswith("brought train.csv, ")
    assert shown[-1][1] == 1.0


def test_local_and_remote_cells_see_the_version_that_was_found_first(
    kaggle: Kaggle, look: Look
) -> None:
    assert str(look("o/news")) == "kaggle://o/news@1"
    asked = len(kaggle.asked)
    kaggle.datasets["o/news"].versions.append({"new": b""})
    assert str(look("o/news")) == "kaggle://o/news@1"
    assert len(kaggle.asked) == asked


def test_a_link_that_ends_is_asked_for_anew(kaggle: Kaggle, look: Look) -> None:
    with (look("o/news") / "images" / "a.bin").open("rb") as data:
        begin = data.read(100)
        kaggle.storage.revoke()
        assert begin + bytes(data.read()) == FILES["images/a.bin"]


def test_a_signed_address_that_ended_may_be_given_anew(storage: Storage, look: Look) -> None:
    storage.put("/f.csv", b"id\n")
    old = look(storage.signed("/f.csv")) / "f.csv"
    storage.revoke()
    with pytest.raises(PrivateDataError):
        old.open()
    new = look(storage.signed("/f.csv")) / "f.csv"
    assert new.read_text() == old.read_text() == "id\n"


def test_data_replaced_while_they_are_read_are_no_mixture(kaggle: Kaggle, look: Look) -> None:
    with (look("o/news") / "images" / "a.bin").open("rb") as data:
        data.read(100)
        kaggle.datasets["o/news"].versions[0] = {**FILES, "images/a.bin": b"x" * 3_000_000}
        kaggle.storage.put("/datasets/o/news/1/archive.zip", b"other")
        kaggle.storage.revoke()
        with pytest.raises(SourceDownError, match="replaced"):
            data.read()


def test_files_of_the_hub_come_in_parts_also_where_only_a_token_opens_them(
    hub: Hub, look: Look
) -> None:
    table = b"row\n" * 1_000_000
    hub.repositories["datasets/shop/items"] = Repository(
        [{"a/t.csv": table, "r.md": b"# Items"}], True
    )
    root = look("hf://datasets/shop/items")
    with (root / "a" / "t.csv").open("rb") as data:
        assert data.read(8) == b"row\nrow\n"
    assert _came(hub.storage) < 400_000
    assert (root / "r.md").read_text() == "# Items"


def test_a_source_without_parts_and_other_archives_come_whole(
    storage: Storage, look: Look, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_remote_gpu.datasets.looking.LARGE_BYTES", 1)
    storage.signs = storage.ranges = False
    storage.put("/notes.zip", zipped({"notes.txt": b"all"}))
    assert (look(f"{storage.url}/notes.zip") / "notes.txt").read_text() == "all"
    assert len(said) == 1
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("./deep/a.txt")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"one"))
        link = tarfile.TarInfo("evil")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    storage.put("/deep.tar.gz", out.getvalue())
    root = look(f"{storage.url}/deep.tar.gz")
    assert (root / "deep" / "a.txt").read_text() == "one"
    assert [path.name for path in root.rglob("*.*")] == ["a.txt"]
    checksum = bytearray(out.getvalue())
    checksum[-8] ^= 1
    storage.put("/wrong.tar.gz", bytes(checksum))
    with pytest.raises(CorruptDataError, match="CRC"):
        list(look(f"{storage.url}/wrong.tar.gz").iterdir())


def test_archives_that_mean_harm_are_refused(storage: Storage, look: Look) -> None:
    storage.signs = False
    storage.put("/evil.zip", zipped({"../../evil": b""}))
    with pytest.raises(UnsafePathError):
        list(look(f"{storage.url}/evil.zip").iterdir())
    storage.put("/short.zip", zipped(FILES)[:-30])
    with pytest.raises((CorruptDataError, NotAvailableError)):
        list(look(f"{storage.url}/short.zip").iterdir())
    data = bytearray(zipped({"a.txt": b"a" * 100_000}, stored=True))
    data[50_000] ^= 1
    storage.put("/wrong.zip", bytes(data))
    with pytest.raises(CorruptDataError, match="damaged"):
        os.fspath(look(f"{storage.url}/wrong.zip") / "a.txt")
    packed = bytearray(zipped(FILES))
    packed[200:204] = bytes(~one & 255 for one in packed[200:204])
    storage.put("/packed.zip", bytes(packed))
    with pytest.raises(CorruptDataError, match="damaged"):
        os.fspath(look(f"{storage.url}/packed.zip") / "train.csv")


def test_local_data_are_their_own_path(tmp_path: Path, said: list[str]) -> None:
    project = ProjectData(tmp_path, Sources(), Remembered(tmp_path / "d.json"))
    here = DatasetsHere(project, tmp_path / "c", said.append)
    (tmp_path / "items").mkdir()
    (tmp_path / "items.zip").write_bytes(zipped({"a/b.txt": b"b"}))
    assert here.dataset("./items") == tmp_path / "items"
    unpacked = here.dataset("./items.zip")
    assert (unpacked / "a" / "b.txt").read_text() == "b"
    (tmp_path / "one.csv").write_text("id\n")
    alone = here.dataset("./one.csv")
    assert isinstance(alone, Path)
    assert [path.read_text() for path in alone.iterdir()] == ["id\n"]
    name = here.named(tmp_path / "items" / "a.csv")
    assert name == DataName(f"file://{tmp_path}/items", "a.csv")
    assert here.found(name) == tmp_path / "items" / "a.csv"
    assert here.named(tmp_path / "others") is None


def test_a_machines_word_leads_only_to_data_that_were_asked_for(
    kaggle: Kaggle, tmp_path: Path, said: list[str]
) -> None:
    kaggle.datasets["o/news"] = Dataset([FILES])
    sources = Sources({Kind.KAGGLE: KaggleSource(KaggleCalls(_web(), kaggle.url, lambda: None))})
    project = ProjectData(tmp_path, sources, Remembered(tmp_path / "d.json"))
    here = DatasetsHere(project, tmp_path / "c", said.append)
    news = DataName("kaggle://o/news@1", "images/a.bin")
    assert here.found(news) is None
    assert kaggle.asked == []
    assert project.resolve("o/news").text == news.text
    asked = len(kaggle.asked)
    later = DatasetsHere(project, tmp_path / "c", said.append)
    assert str(later.found(news)) == "kaggle://o/news@1/images/a.bin"
    for inside in ("../../x", "/etc/passwd", "a//b"):
        assert later.found(DataName(news.text, inside)) is None
    assert later.found(DataName("http://127.0.0.1/x")) is None
    assert project.resolve(news.text).key == project.resolve("o/news").key
    assert len(kaggle.asked) == asked


def test_a_part_of_another_version_is_no_part_of_this_one(storage: Storage) -> None:
    storage.put("/f", b"a" * 1_000_000)
    link = Link(storage.signed("/f"))
    one = RangedFile(_web(), lambda: link, "f")
    assert one.read(10) == b"a" * 10
    storage.put("/f", b"b" * 1_000_000)
    with pytest.raises(SourceDownError, match="replaced"):
        one.read()


def test_a_remote_file_is_a_file(storage: Storage) -> None:
    data = _random.randbytes(1_000_003)
    storage.put("/f", data)
    one = RangedFile(_web(), lambda: Link(storage.signed("/f")), "f")
    assert one.seek(-3, 2) == 1_000_000
    assert one.read() == data[-3:]
    buffered = io.BufferedReader(one)
    for _ in range(30):
        begin, count = _random.randrange(1_000_100), _random.randrange(200_000)
        buffered.seek(begin)
        storage.faults.clear()
        storage.faults.drop("/f bytes", after=_random.randrange(100_000))
        assert buffered.read(count) == data[begin : begin + count]
    with pytest.raises(ValueError, match="negative"):
        one.seek(-1)
