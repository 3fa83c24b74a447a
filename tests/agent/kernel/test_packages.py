"""Which packages a cell installed or removed, without what the agent installs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.kernel.packages import PackageWatch


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The packages of an environment with a stamp that names numpy."""
    folder = tmp_path / "3.11" / "lib" / "site-packages"
    folder.mkdir(parents=True)
    stamp = {"digests": {"d": {"numpy": "2.0"}}, "building": None}
    (tmp_path / "3.11.json").write_text(json.dumps(stamp))
    return folder


@pytest.fixture
def watch(site: Path, monkeypatch: pytest.MonkeyPatch) -> PackageWatch:
    found = PackageWatch(str(site.parents[1]), site)
    install(site, "here_before", "1")
    found.begin()
    return found


def install(site: Path, name: str, version: str, requested: bool = True, **origin: object) -> Path:
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    if requested:
        (folder / "REQUESTED").touch()
    if origin:
        (folder / "direct_url.json").write_text(json.dumps(origin))
    touch(site)
    return folder


def touch(site: Path) -> None:
    """Let the folder's time be another, however coarse the clock of the disk is."""
    now = site.stat().st_mtime_ns
    os.utime(site, ns=(now, now + 1_000_000))


def test_nothing_new_is_nothing_to_report(watch: PackageWatch) -> None:
    assert watch.report() is None


def test_what_was_asked_for_can_be_told_from_what_it_needs(watch: PackageWatch, site: Path) -> None:
    install(site, "Some_Thing", "1.2")
    install(site, "its_part", "3", requested=False)
    came = {"its-part": "", "some-thing": "some-thing==1.2"}
    assert watch.report() == {"came": came, "went": {}}
    assert watch.report() is None


def test_what_the_agent_installs_is_not_reported(watch: PackageWatch, site: Path) -> None:
    install(site, "numpy", "2.0")
    assert watch.report() is None
    install(site, "pandas", "1")
    stamp = Path(f"{site.parents[1]}.json")
    stamp.write_text(json.dumps({"digests": {}, "building": {"torch": "2"}}))
    install(site, "torch", "2")
    assert watch.report() == {"came": {"pandas": "pandas==1"}, "went": {}}


def test_what_went_is_told_with_its_version(watch: PackageWatch, site: Path) -> None:
    (site / "here_before-1.dist-info" / "REQUESTED").unlink()
    (site / "here_before-1.dist-info").rmdir()
    touch(site)
    assert watch.report() == {"came": {}, "went": {"here-before": "1"}}


def test_an_address_is_repeated_without_its_password(watch: PackageWatch, site: Path) -> None:
    vcs = {"vcs": "git", "commit_id": "abc"}
    install(site, "one", "1", url="https://me:sesame@host/one.git", vcs_info=vcs)
    install(site, "two", "1", url="file:///home/me/two", dir_info={"editable": True})
    install(site, "three", "1", url="https://host/three.whl", archive_info={})
    assert watch.report() == {
        "came": {
            "one": "one @ git+https://host/one.git@abc",
            "three": "three @ https://host/three.whl",
            "two": "-e /home/me/two",
        },
        "went": {},
    }


def test_without_a_stamp_nothing_is_watched(tmp_path: Path) -> None:
    watch = PackageWatch(str(tmp_path / "venv"), tmp_path)
    watch.begin()
    install(tmp_path, "some", "1")
    assert watch.report() is None
