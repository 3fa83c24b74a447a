"""What lies on a machine is shown with its size, and freed unless somebody needs it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.chunks.directory_store import DirectoryStore
from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.errors import LackingError
from jupyter_remote_gpu.protocol import messages
from tests.agent.building import VERSION, Builder, Locked, lock_of


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    made = Builder(tmp_path_factory.mktemp("base"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Locked:
    return lock_of(tmp_path_factory.mktemp("cache"), "ipykernel")


def on_disk(folder: Path) -> int:
    """What a folder's files take on the disk, each counted once."""
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            one = os.lstat(os.path.join(root, name))
            found[one.st_ino] = one.st_blocks * 512
    return sum(found.values())


def test_what_lies_there_is_shown_and_what_nobody_uses_is_freed(
    builder: Builder, locked: Locked
) -> None:
    used, unused = builder.build(locked, "used"), builder.build(locked, "unused")
    kernel = builder.open_kernel(used, "used")["kernel"]
    (Path(unused["folder"]) / "result").write_bytes(b"x" * 100_000)
    found = {one["item"]: one for one in builder.ask(messages.Remains)["items"]}
    environment = f"workspaces/used/environments/{VERSION}"
    spare = f"workspaces/unused/environments/{VERSION}"
    assert found[environment]["by"] == [kernel]
    assert found[spare]["by"] == []
    assert found["workspaces/unused/project"]["kind"] == "files"
    assert found["workspaces/unused/project"]["bytes"] >= 100_000
    assert found["cache/uv"]["kind"] == "cache"
    assert all(one["used"] > 0 for one in found.values())
    shown = sum(one["bytes"] for one in found.values())
    part = [f"kernel_parts/{p.name}" for p in (builder.base / "kernel_parts").iterdir()]
    assert [found[name]["by"] for name in part] == [[kernel]]
    assert 0.9 * on_disk(builder.base) < shown <= on_disk(builder.base)

    before = on_disk(builder.base)
    wanted = [environment, spare, "workspaces/unused/project", "cache/uv", *part, "no/such"]
    answer = builder.ask(messages.Clean, items=wanted)
    assert answer["kept"] == {
        environment: "a living kernel uses it",
        part[0]: "a living kernel uses it",
        "no/such": "there is nothing of that name",
    }
    assert abs(before - on_disk(builder.base) - answer["freed"]) < 0.02 * before
    assert not (builder.base / "workspaces" / "unused").exists()
    assert builder.ask(messages.ListKernels)["kernels"][0]["dead"] is False
    # What was freed is made again when it is asked for.
    assert builder.build(locked, "unused")["digests"] == [locked.digest]


def test_pieces_of_files_are_counted_and_freed_while_they_are_in_use(builder: Builder) -> None:
    data = os.urandom(50_000)
    name = name_of(data)
    store = DirectoryStore(builder.base / "store")
    for _ in range(2):
        store.add([(name, data)])
        assert builder.ask(messages.Status)["store"] > 50_000
        (found,) = [i for i in builder.ask(messages.Remains)["items"] if i["kind"] == "store"]
        assert (found["item"], found["by"]) == ("store/packs", [])
        assert builder.ask(messages.Clean, items=["store/packs"])["freed"] >= 50_000
        assert builder.ask(messages.Status)["store"] == 0
        with pytest.raises(LackingError):
            store.get(name)
    store.close()


def test_an_item_cannot_lead_elsewhere(builder: Builder, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    outside = os.path.relpath(tmp_path / "precious", builder.base)
    names = [outside, str(tmp_path / "precious"), "home", "workspaces/../home", "."]
    answer = builder.ask(messages.Clean, items=names)
    assert set(answer["kept"]) == set(names)
    assert (tmp_path / "precious").is_dir()
    link = builder.base / "pythons" / "link"
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "precious")
    assert builder.ask(messages.Clean, items=["pythons/link"])["freed"] == 0
    assert (tmp_path / "precious").is_dir()
    shutil.rmtree(link.parent)
