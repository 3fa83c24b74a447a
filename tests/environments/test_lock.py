"""Locks: what is chosen for another machine, what is said of it, and what never leaves here."""

from __future__ import annotations

import json
import os
import stat
import timeit
from collections.abc import Mapping
from pathlib import Path

import pytest

from jupyter_remote_gpu.environments.lock import Lock, make_lock
from jupyter_remote_gpu.environments.needs import Needs, needs
from jupyter_remote_gpu.environments.target import Target
from jupyter_remote_gpu.environments.toml import read_toml
from jupyter_remote_gpu.errors import NoIndexError, PackagesError
from jupyter_remote_gpu.protocol.steps import Step
from tests.environments.index import PASSWORD, Index, serving, wheel_bytes

LINUX = Target("x86_64-manylinux_2_28", (3, 11))
WORDS = "Linux x86_64, Python 3.11"


def _wish(folder: Path, here: Mapping[str, str], *extras: str, **more: str) -> Needs:
    """Return needs of a notebook whose cells import all that is installed here."""
    found = needs(folder, [], extras)
    asked = {name: more.get(name, name) for name in here}
    key = json.dumps([found.key, sorted(here.items()), sorted(asked.items())])
    return Needs(folder, found.declared, asked, here, found.extras, found.left_out, key)


def _lock(wish: Needs, cache: Path, target: Target = LINUX) -> Lock:
    return make_lock(wish, target, cache, lambda step: None)


def test_the_versions_of_here_are_locked_with_address_and_hash(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    index.wheel("alpha", "1.0", "beta")
    index.wheel("alpha", "2.0", "beta")
    index.wheel("beta", "1.5")
    index.wheel("beta", "3.0")
    lock = _lock(_wish(folder, {"alpha": "1.0", "beta": "1.5"}), tmp_path / "cache")
    assert lock.packages == {"alpha": "1.0", "beta": "1.5", "ipykernel": "7.0"}
    assert lock.notes == ()
    table = read_toml(lock.text)["packages"][0]
    (file,) = table["wheels"]
    assert file["url"].endswith("/files/alpha-1.0-py3-none-any.whl")
    assert len(file["hashes"]["sha256"]) == 64
    assert "requires-python" not in lock.text


def test_the_second_time_nothing_is_asked(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.wheel("alpha", "1.0")
    steps: list[Step] = []
    wish = _wish(folder, {"alpha": "1.0"})
    first = make_lock(wish, LINUX, tmp_path / "cache", steps.append)
    assert [step.what for step in steps] == [f"choosing packages for {WORDS}"]
    asked = list(index.asked)
    # Not even the program is there.
    monkeypatch.setattr("jupyter_remote_gpu.environments.asking.uv", lambda: "/nonexistent")
    assert make_lock(wish, LINUX, tmp_path / "cache", steps.append) == first
    assert (index.asked, len(steps)) == (asked, 1)
    took = timeit.timeit(lambda: _lock(wish, tmp_path / "cache"), number=20) / 20
    assert took < 0.05
    for path in (tmp_path / "cache").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_versions_of_here_that_are_known_are_locked_without_asking(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    for name in ("alpha", "beta", "gamma"):
        index.wheel(name, "1.0")
    here = {"alpha": "1.0", "beta": "1.0", "ipykernel": "7.0"}
    _lock(_wish(folder, here), tmp_path / "cache")
    index.asked.clear()
    fewer = _lock(_wish(folder, {"alpha": "1.0", "ipykernel": "7.0"}), tmp_path / "cache")
    assert fewer.packages == {"alpha": "1.0", "ipykernel": "7.0"}
    assert index.asked == []
    more = _lock(_wish(folder, {**here, "gamma": "1.0"}), tmp_path / "cache")
    assert (more.packages["gamma"], index.asked != []) == ("1.0", True)


@pytest.mark.parametrize("reached", [True, False])
def test_a_strangers_package_is_not_taken_for_one_of_a_private_index(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reached: bool
) -> None:
    # uv knows the stranger's page from before, and not the private index's.
    index.wheel("secret-tools", "1.0")
    here = {"secret-tools": "1.0", "ipykernel": "7.0"}
    _lock(_wish(folder, here), tmp_path / "cache")
    with serving(Index()) as private:
        private.wheel("secret-tools", "1.0", "ipykernel")
        url = private.url
        monkeypatch.setenv("UV_INDEX", url if reached else "http://127.0.0.1:9/simple")
        if reached:
            assert f":{private.port}/files" in _lock(_wish(folder, here), tmp_path / "cache").text
        else:
            with pytest.raises(NoIndexError):
                _lock(_wish(folder, here), tmp_path / "cache")


@pytest.mark.parametrize("change", ["version", "extra", "target", "setting"])
def test_what_changes_the_choice_makes_a_new_lock(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    for version in ("1.0", "2.0"):
        index.wheel("alpha", version)
    cache = tmp_path / "cache"
    _lock(_wish(folder, {"alpha": "1.0"}), cache)
    wish, target = _wish(folder, {"alpha": "1.0"}), LINUX
    if change == "version":
        wish = _wish(folder, {"alpha": "2.0"})
    elif change == "extra":
        wish = _wish(folder, {"alpha": "1.0"}, "alpha>1")
    elif change == "target":
        target = Target("aarch64-manylinux_2_28", (3, 12))
    else:
        monkeypatch.setenv("UV_PRERELEASE", "allow")
    lock = _lock(wish, cache, target)
    assert len(list((cache / "locks").iterdir())) == 2
    assert lock.packages["alpha"] == ("2.0" if change in {"version", "extra"} else "1.0")


def test_a_version_that_is_not_for_there_is_replaced_by_the_nearest(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    index.wheel("alpha", "2.1.4", tag="cp311-cp311-manylinux_2_17_x86_64")
    index.wheel("alpha", "2.2.3", tag="cp311-cp311-macosx_11_0_arm64")
    index.wheel("alpha", "3.0.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    lock = _lock(_wish(folder, {"alpha": "2.2.3"}), tmp_path / "cache")
    assert lock.packages["alpha"] == "2.1.4"
    assert lock.notes == (
        f"alpha 2.1.4 instead of 2.2.3: 2.2.3 cannot be had for {WORDS}, or not with the others",
    )


def test_where_only_newer_ones_are_for_there_the_newest_is_taken(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    index.wheel("alpha", "3.0.0")
    lock = _lock(_wish(folder, {"alpha": "2.2.3"}), tmp_path / "cache")
    assert lock.packages["alpha"] == "3.0.0"
    assert "alpha 3.0.0 instead of 2.2.3" in lock.notes[0]


def test_a_package_of_another_platform_is_left_out_and_named(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    index.wheel("applescript", "1.0", tag="cp311-cp311-macosx_11_0_arm64")
    index.wheel("alpha", "1.0")
    here = {"alpha": "1.0", "applescript": "1.0", "lab-tools": "0.1"}
    lock = _lock(_wish(folder, here), tmp_path / "cache")
    assert lock.packages == {"alpha": "1.0", "ipykernel": "7.0"}
    assert lock.notes == (
        f"applescript has nothing for {WORDS}; a cell there that imports it will fail",
        "lab-tools is on no package index that is set up here, so it is not on the machine;"
        " a cell there that imports it will fail",
    )


def test_a_package_without_wheels_is_built_there(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    index.sdist("sourceonly", "1.0")
    index.wheel("alpha", "1.0")
    lock = _lock(_wish(folder, {"alpha": "1.0", "sourceonly": "1.0"}), tmp_path / "cache")
    assert lock.packages == {"alpha": "1.0", "ipykernel": "7.0", "sourceonly": "1.0"}
    assert "sourceonly-1.0.tar.gz" in lock.text


def test_what_is_made_for_another_system_is_not_built_there(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    index.sdist("applescript", "1.0")
    index.wheel("applescript", "1.0", tag="cp311-cp311-macosx_11_0_arm64")
    lock = _lock(_wish(folder, {"applescript": "1.0"}), tmp_path / "cache")
    assert lock.packages == {"ipykernel": "7.0"}
    assert lock.notes == (
        f"applescript is made for another system than {WORDS}; a cell there that imports it"
        " will fail",
    )
    # Asked for by hand, it is tried.
    asked = _lock(_wish(folder, {"applescript": "1.0"}, "applescript"), tmp_path / "cache")
    assert "applescript" in asked.packages


def test_what_could_not_be_built_there_can_be_left_out(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    index.sdist("sourceonly", "1.0")
    wish = _wish(folder, {"sourceonly": "1.0"})
    assert "sourceonly" in _lock(wish, tmp_path / "cache").packages
    lock = make_lock(wish, LINUX, tmp_path / "cache", lambda step: None, ["sourceonly"])
    assert lock.packages == {"ipykernel": "7.0"}
    assert lock.notes == (
        "sourceonly 1.0 could not be built on the machine; a cell there that imports it will fail",
    )


def test_a_yanked_version_of_here_is_replaced_and_said(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    index.wheel("alpha", "1.0")
    index.wheel("alpha", "1.1", yanked=True)
    lock = _lock(_wish(folder, {"alpha": "1.1"}), tmp_path / "cache")
    version = lock.packages["alpha"]
    assert (version, len(lock.notes)) in {("1.0", 1), ("1.1", 0)}


def test_what_contradicts_itself_is_told_with_the_reason(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    index.wheel("alpha", "1.0", "beta<2")
    index.wheel("gamma", "1.0", "beta>=2")
    index.wheel("beta", "1.0")
    index.wheel("beta", "2.0")
    with pytest.raises(PackagesError) as caught:
        _lock(_wish(folder, {"alpha": "1.0", "gamma": "1.0"}), tmp_path / "cache")
    assert WORDS in caught.value.message
    assert "beta" in caught.value.message
    assert len(caught.value.message) < 800


def test_without_an_index_a_known_lock_works_and_a_new_one_says_why(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.wheel("alpha", "1.0")
    wish, cache = _wish(folder, {"alpha": "1.0"}), tmp_path / "cache"
    known = _lock(wish, cache)
    index.packages.clear()
    assert _lock(wish, cache) == known
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    with pytest.raises(NoIndexError, match="cannot be reached from here") as caught:
        _lock(wish, cache)
    assert caught.value.hint is not None
    assert "127.0.0.1:9" in caught.value.hint


def test_a_password_is_used_and_found_nowhere(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    with serving(Index(private=True)) as private:
        private.wheel("secret-tools", "1.0")
        # The same name on the public index must not win.
        index.wheel("secret-tools", "99.0")
        monkeypatch.setenv("UV_INDEX", private.url)
        lock = _lock(_wish(folder, {"secret-tools": "1.0"}), cache)
        assert lock.packages["secret-tools"] == "1.0"
        assert f"127.0.0.1:{private.port}/files" in lock.text
        odd = _lock(_wish(folder, {"secret-tools": "1.0"}, "secret-tools>1,<1"), cache)
        monkeypatch.setenv("UV_INDEX", private.url.replace(PASSWORD, f"{PASSWORD}x"))
        with pytest.raises(PackagesError, match="asks for a password") as refused:
            _lock(_wish(folder, {"secret-tools": "1.0"}), cache)
        private.wheel("bent", "1.0", "ipykernel>99")
        with pytest.raises(PackagesError) as caught:
            monkeypatch.setenv("UV_DEFAULT_INDEX", private.url)
            _lock(_wish(folder, {"bent": "1.0"}), cache)
    assert odd.packages["secret-tools"] == "1.0"
    shown = f"{lock!r} {odd!r} {refused.value} {caught.value!r} {caught.value} {caught.value.hint}"
    assert PASSWORD not in shown
    for path in cache.rglob("*"):
        assert path.is_dir() or PASSWORD.encode() not in path.read_bytes()


def test_the_settings_of_pip_count_where_uv_has_none(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Index(private=True)) as private:
        private.wheel("secret-tools", "1.0")
        settings = tmp_path / "pip.conf"
        settings.write_text(f"[global]\nindex-url = {index.url}\nextra-index-url = {private.url}\n")
        monkeypatch.delenv("UV_DEFAULT_INDEX")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
        lock = _lock(_wish(folder, {"secret-tools": "1.0"}), tmp_path / "cache")
    assert lock.packages == {"ipykernel": "7.0", "secret-tools": "1.0"}
    assert PASSWORD not in lock.text


def test_a_wheel_in_a_folder_of_this_computer_is_named_by_where_it_will_lie(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    path = wheels / "lab_tools-0.1-py3-none-any.whl"
    path.write_bytes(wheel_bytes("lab-tools", "0.1"))
    index.wheel("alpha", "1.0")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    here = {"lab-tools": "0.1", "alpha": "1.0"}
    lock = _lock(_wish(folder, here), tmp_path / "cache")
    assert lock.packages == {"alpha": "1.0", "ipykernel": "7.0", "lab-tools": "0.1"}
    assert lock.only_here == ("lab-tools",)
    assert lock.fetchable == ("alpha==1.0", "ipykernel==7.0")
    ((place, real),) = lock.files_here.items()
    assert (real, place.split("/")[0], place.rpartition("/")[2]) == (
        str(path),
        "carried",
        path.name,
    )
    assert str(wheels) not in lock.text


def test_the_front_end_decides_the_major_of_ipywidgets(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    for version in ("7.8.5", "8.0.1", "8.1.9"):
        index.wheel("ipywidgets", version)
    wish = needs(folder, [])
    old = Needs(folder, here={"ipywidgets": "7.7.1"}, key="old")
    new = Needs(folder, here={"ipywidgets": "8.0.1"}, key="new")
    assert _lock(old, tmp_path / "cache").packages["ipywidgets"] == "7.8.5"
    assert _lock(new, tmp_path / "cache").packages["ipywidgets"] == "8.0.1"
    assert wish.imported == {}


def test_a_damaged_lock_is_made_again(index: Index, folder: Path, tmp_path: Path) -> None:
    index.wheel("alpha", "1.0")
    wish, cache = _wish(folder, {"alpha": "1.0"}), tmp_path / "cache"
    first = _lock(wish, cache)
    (kept,) = (cache / "locks").iterdir()
    for damage in (b"", b"{", os.urandom(64), b"[1]"):
        kept.write_bytes(damage)
        assert _lock(wish, cache) == first
