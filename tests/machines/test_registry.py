"""Machines are remembered by name: privately, whole, and by several processes at once."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import RegistryError, RequestError, UnknownMachineError
from jupyter_remote_gpu.machines.known import KnownMachine, Seen, check_name, parse_host
from jupyter_remote_gpu.machines.registry import Registry

BOX = KnownMachine("gpu-box", "me@box", ("-p", "2222"), trusted=True)


def test_a_machine_is_found_again_as_it_was_added(tmp_path: Path) -> None:
    added = Registry(tmp_path).add(BOX)
    Registry(tmp_path).saw("gpu-box", Seen(12.5, ("RTX 3090",), 10, "3.11"), {"base": "/b"})
    found = Registry(tmp_path).machines()
    assert list(found) == ["gpu-box"]
    seen = Seen(12.5, ("RTX 3090",), 10, "3.11")
    assert found["gpu-box"] == KnownMachine(
        "gpu-box", "me@box", ("-p", "2222"), True, False, added.token, {"base": "/b"}, seen
    )
    assert len(added.token) > 40


def test_nobody_else_can_read_it_and_no_text_shows_the_token(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "deep" / "folder")
    added = registry.add(BOX)
    assert registry.path.stat().st_mode & 0o777 == 0o600
    assert registry.path.parent.stat().st_mode & 0o777 == 0o700
    assert added.token not in repr(added)


def test_a_taken_name_and_an_unknown_one_are_named(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.add(BOX)
    with pytest.raises(RequestError, match="a machine called gpu-box already: me@box"):
        registry.add(KnownMachine("gpu-box", "other"))
    with pytest.raises(UnknownMachineError, match=r"'gpubox'(.|\n)*Did you mean gpu-box"):
        registry.find("gpubox")
    assert registry.find("gpu-box").host == "me@box"


def test_what_is_forgotten_is_nobodys_default(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.add(BOX)
    registry.use("/project", "gpu-box")
    registry.use("/project/a.ipynb", "embedded")
    assert registry.default("/project/a.ipynb", "/project") == "embedded"
    assert registry.default("/project/b.ipynb", "/project") == "gpu-box"
    registry.use("/project/a.ipynb", None)
    assert registry.default("/project/a.ipynb", "/project") == "gpu-box"
    registry.forget("gpu-box")
    assert registry.default("/project/b.ipynb", "/project") is None
    assert registry.machines() == {}
    registry.saw("gpu-box", Seen(1.0))
    assert registry.machines() == {}


def test_extras_are_kept_by_project(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    assert registry.extras("/a") == ()
    registry.record("/a", ["einops", "tqdm==4", "einops"])
    registry.record("/b", ["numpy"])
    assert Registry(tmp_path).extras("/a") == ("einops", "tqdm==4")
    registry.record("/a", [])
    assert registry.extras("/a") == ()


def test_the_client_keeps_its_id(tmp_path: Path) -> None:
    first = Registry(tmp_path / "one").client
    assert Registry(tmp_path / "one").client == first
    assert Registry(tmp_path / "two").client != first


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"machines": {"x": {"host": 3}}}', b'{"defaults": []}', b"\xff"]
)
def test_a_damaged_file_is_told_of_and_kept(tmp_path: Path, damage: bytes) -> None:
    told: list[str] = []
    registry = Registry(tmp_path, told.append)
    registry.path.write_bytes(damage)
    assert registry.machines() == {}
    registry.add(BOX)
    registry.path.write_bytes(damage)
    registry.use("/here", "embedded")
    kept = [p for p in tmp_path.iterdir() if "damaged" in p.name]
    assert len(told) == len(kept) == 2
    assert all(path.read_bytes() == damage for path in kept)
    assert str(kept[0]) in "".join(told)


def test_a_later_versions_file_is_left_alone(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.path.write_text(json.dumps({"version": 99, "new": 1}))
    with pytest.raises(RegistryError, match="later version"):
        registry.add(BOX)
    assert json.loads(registry.path.read_text()) == {"version": 99, "new": 1}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RegistryError, match="cannot be used"):
        Registry(tmp_path / "file" / "folder").add(BOX)


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.add(BOX)
    before = registry.path.read_bytes()
    with pytest.raises(TypeError):
        registry.change("gpu-box", nonsense=1)
    assert registry.path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["machines.json", "machines.lock"]


def _add_many(folder: str, worker: int) -> None:
    for number in range(20):
        Registry(Path(folder)).add(KnownMachine(f"m{worker}-{number}", "host"))


def test_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_many, args=(str(tmp_path), n)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(Registry(tmp_path).machines()) == 60


@pytest.mark.parametrize("name", ["gpu-box", "box.lab", "A1_b", "x"])
def test_plain_names_are_taken(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "-x", "a b", "a/b", "..", "ü", "x" * 41, "embedded", "3090", "4x3090", "A100", "machine",
     "yes", "status", "a\nb"],
)  # fmt: skip
def test_names_that_mean_something_else_are_refused(name: str) -> None:
    with pytest.raises(RequestError):
        check_name(name, frozenset({"status"}))


@pytest.mark.parametrize(
    ("text", "host", "options"),
    [
        ("box", "box", ()),
        ("me@box.example.org", "me@box.example.org", ()),
        ("me@box:2222", "me@box", ("-p", "2222")),
        ("10.0.0.1:22", "10.0.0.1", ("-p", "22")),
        ("me@[fe80::1]:22", "me@fe80::1", ("-p", "22")),
    ],
)
def test_hosts_are_read_as_people_write_them(text: str, host: str, options: object) -> None:
    assert parse_host(text) == (host, options)


@pytest.mark.parametrize("text", ["-oProxyCommand=x", "", "a b", "me@", "box:99999", "box:port"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(RequestError):
        parse_host(text)
