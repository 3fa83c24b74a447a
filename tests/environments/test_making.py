"""From a project's files, a notebook's cells and a machine's image to one choice."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.environments.lock import Lock, make_lock
from jupyter_remote_gpu.environments.needs import Needs, needs
from jupyter_remote_gpu.environments.target import Target
from jupyter_remote_gpu.errors import RequestError
from tests.environments.index import Index

LINUX = Target("x86_64-manylinux_2_28", (3, 11))
GPU = "cuda 550.54.14"


def _lock(folder: Path, here: dict[str, str], target: Target = LINUX, *extras: str) -> Lock:
    """Lock for a notebook in `folder` that imports all of what is installed here."""
    found = needs(folder, [], extras)
    wish = Needs(
        folder,
        found.declared,
        {name: name for name in here},
        here,
        found.extras,
        found.left_out,
        f"{found.key} {here}",
    )
    return make_lock(wish, target, folder.parent / "cache", lambda step: None)


def test_what_is_declared_counts_and_what_cells_import_besides_is_added(
    index: Index, folder: Path
) -> None:
    for version in ("1.0", "2.0"):
        index.wheel("alpha", version, "beta")
        index.wheel("beta", version)
        index.wheel("gamma", version)
    (folder / "requirements.txt").write_text("alpha==2.0\n")
    lock = _lock(folder, {"alpha": "1.0", "beta": "1.0", "gamma": "1.0"})
    assert lock.packages == {"alpha": "2.0", "beta": "1.0", "gamma": "1.0", "ipykernel": "7.0"}
    assert lock.notes == (
        "cells import what requirements.txt does not bring: gamma 1.0; that is installed too",
        "alpha 2.0 instead of 1.0: requirements.txt says so",
    )


def test_a_file_that_names_no_version_is_not_blamed_for_one(index: Index, folder: Path) -> None:
    index.wheel("alpha", "1.0")
    (folder / "requirements.txt").write_text("alpha\n")
    (note,) = _lock(folder, {"alpha": "2.0"}).notes
    assert "alpha 1.0 instead of 2.0: 2.0 cannot be had for" in note


def test_hashes_markers_and_nested_files_of_requirements_are_understood(
    index: Index, folder: Path
) -> None:
    for name in ("alpha", "beta", "gamma"):
        index.wheel(name, "1.0")
        index.wheel(name, "2.0")
    (folder / "more.txt").write_text("beta\n-c bounds.txt\n")
    (folder / "bounds.txt").write_text("beta<2\ngamma<2\n")
    (folder / "requirements.txt").write_text(
        "-r more.txt\nalpha; sys_platform == 'linux'\ngamma; sys_platform == 'win32'\n"
    )
    lock = _lock(folder, {})
    assert lock.packages == {"alpha": "2.0", "beta": "1.0", "ipykernel": "7.0"}


def test_a_declared_package_of_another_platform_is_left_out_and_named(
    index: Index, folder: Path
) -> None:
    index.wheel("alpha", "1.0")
    index.wheel("alpha", "2.0", tag="cp311-cp311-win_amd64")
    index.wheel("pyobjc", "1.0", tag="cp311-cp311-macosx_11_0_arm64")
    (folder / "requirements.txt").write_text("alpha==2.0\npyobjc\n")
    lock = _lock(folder, {})
    assert lock.packages == {"alpha": "1.0", "ipykernel": "7.0"}
    assert lock.notes == (
        "`alpha==2.0` cannot be had for Linux x86_64, Python 3.11: another version is taken",
        "pyobjc has nothing for Linux x86_64, Python 3.11; a cell there that imports it will fail",
    )


def test_folders_of_the_project_are_not_installed_but_what_they_need_is(
    index: Index, folder: Path
) -> None:
    index.wheel("alpha", "1.0")
    library = folder / "lib"
    library.mkdir()
    (library / "pyproject.toml").write_text(
        "[project]\nname = 'lab-lib'\nversion = '0.1'\ndependencies = ['alpha']\n"
    )
    (folder / "requirements.txt").write_text("-e ./lib\n")
    lock = _lock(folder, {})
    assert lock.packages == {"alpha": "1.0", "ipykernel": "7.0"}
    assert lock.notes == (
        f"`lab-lib` is a folder of yours ({library}), not a package of an index:"
        " what it needs is installed, it itself is not",
    )


def test_a_pyproject_is_read_with_where_its_packages_come_from(index: Index, folder: Path) -> None:
    index.wheel("alpha", "1.0")
    library = folder / "lib"
    library.mkdir()
    (library / "pyproject.toml").write_text("[project]\nname = 'lab-lib'\nversion = '0.1'\n")
    (folder / "pyproject.toml").write_text(
        "[project]\nname = 'x'\nversion = '1'\ndependencies = ['alpha', 'lab-lib']\n"
        "[tool.uv.sources]\nlab-lib = { path = 'lib', editable = true }\n"
    )
    lock = _lock(folder, {})
    assert lock.packages == {"alpha": "1.0", "ipykernel": "7.0"}
    assert "lab-lib" in lock.notes[0]


PYLOCK = """\
lock-version = "1.0"
created-by = "another tool"

[[packages]]
name = "alpha"
version = "1.0"

[[packages]]
name = "torch"
version = "2.5.1+cpu"

[[packages]]
name = "triton"
version = "3.0.0"

[[packages]]
name = "winonly"
version = "1.0"
marker = "sys_platform == 'win32'"

[[packages]]
name = "mine"
directory = { path = "." }
"""


def test_a_pylock_is_taken_for_what_it_names_but_for_the_build_of_torch(
    index: Index, folder: Path
) -> None:
    index.wheel("alpha", "1.0")
    index.wheel("alpha", "2.0")
    (folder / "pylock.toml").write_text(PYLOCK)
    target = Target(LINUX.platform, LINUX.python, GPU, {"torch": "2.5.1+cu124", "triton": "3.1.0"})
    lock = _lock(folder, {}, target)
    assert lock.packages == {"alpha": "1.0", "ipykernel": "7.0"}


UV_LOCK = """\
version = 1
requires-python = ">=3.10"

[[package]]
name = "x"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "alpha" }]

[package.metadata]
requires-dist = [{ name = "alpha" }]

[[package]]
name = "alpha"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
wheels = [
    { url = "https://files.invalid/alpha-1.0-py3-none-any.whl", hash = "sha256:HASH" },
]
"""


def test_a_lock_of_uv_pins_what_it_names(index: Index, folder: Path) -> None:
    index.wheel("alpha", "1.0")
    index.wheel("alpha", "2.0")
    (folder / "pyproject.toml").write_text(
        "[project]\nname = 'x'\nversion = '1'\nrequires-python = '>=3.10'\n"
        "dependencies = ['alpha']\n"
    )
    (folder / "uv.lock").write_text(UV_LOCK.replace("HASH", "0" * 64))
    lock = _lock(folder, {"alpha": "2.0"})
    assert lock.packages == {"alpha": "1.0", "ipykernel": "7.0"}
    assert lock.notes == ("alpha 1.0 instead of 2.0: uv.lock says so",)


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml"])
def test_a_lock_that_cannot_be_read_is_named(index: Index, folder: Path, name: str) -> None:
    (folder / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '1'\n")
    (folder / name).write_text("packages = [3]\nversion = {")
    with pytest.raises(RequestError, match="cannot be read"):
        _lock(folder, {})


# -- over an image --------------------------------------------------------------------------------

IMAGE = {"torch": "2.5.1+cu124", "triton": "3.1.0", "numpy": "1.26.4", "pandas": "2.2.0"}


def _image_index(index: Index) -> None:
    for version in ("1.26.4", "2.2.6"):
        index.wheel("numpy", version)
    index.wheel("torch", "2.5.1", "nvidia-cublas-cu12", "triton")
    index.wheel("torch", "2.9.0", "nvidia-cublas-cu12", "triton")
    for name in ("nvidia-cublas-cu12", "triton"):
        index.wheel(name, "9.0")
    index.wheel("pandas", "2.2.0", "numpy")
    index.wheel("accelerate", "1.0", "torch>=2", "numpy")
    index.wheel("accelerate", "2.0", "torch>=2.8", "numpy")
    index.wheel("torchvision", "0.20.1", "torch==2.5.1", "numpy")
    index.wheel("torchvision", "0.24.0", "torch==2.9.0", "numpy")


def test_what_an_image_has_is_not_installed_again(index: Index, folder: Path) -> None:
    _image_index(index)
    target = Target(LINUX.platform, LINUX.python, GPU, IMAGE)
    here = {"torch": "2.9.0", "numpy": "2.2.6", "pandas": "2.2.0"}
    lock = _lock(folder, here, target, "accelerate")
    # The version of accelerate is one that the image's torch suffices for.
    assert lock.packages == {"accelerate": "1.0", "ipykernel": "7.0"}
    assert lock.notes == (
        "torch 2.5.1+cu124 instead of 2.9.0: the machine's image has it",
        "numpy 1.26.4 instead of 2.2.6: the machine's image has it",
    )
    assert "file:" not in lock.text
    assert "provided" not in lock.text


def test_what_does_not_fit_is_installed_over_the_image_and_said(index: Index, folder: Path) -> None:
    _image_index(index)
    (folder / "requirements.txt").write_text("numpy>=2\n")
    target = Target(LINUX.platform, LINUX.python, GPU, IMAGE)
    lock = _lock(folder, {}, target)
    assert lock.packages == {"ipykernel": "7.0", "numpy": "2.2.6"}
    assert lock.notes == (
        "numpy 2.2.6 is installed over the image's 1.26.4, which does not fit; other packages of"
        " the image may expect theirs",
    )


def test_a_kernel_of_the_image_is_used(index: Index, folder: Path) -> None:
    target = Target(LINUX.platform, LINUX.python, GPU, {**IMAGE, "ipykernel": "6.29.5"})
    assert _lock(folder, {}, target).packages == {}


# -- builds of torch ------------------------------------------------------------------------------


def test_what_was_installed_there_by_hand_is_part_of_it(index: Index, folder: Path) -> None:
    index.wheel("alpha", "1.0")
    index.wheel("beta", "1.0")
    index.wheel("beta", "2.0")
    lock = _lock(folder, {}, LINUX, "alpha -q", "beta<2")
    assert lock.packages == {"alpha": "1.0", "beta": "1.0", "ipykernel": "7.0"}
