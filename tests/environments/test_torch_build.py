"""The torch that a machine gets fits its driver, and its relatives fit it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.environments.lock import Lock, make_lock
from jupyter_remote_gpu.environments.needs import Needs
from jupyter_remote_gpu.environments.target import Target
from jupyter_remote_gpu.environments.torch_build import Build, backend_of, build
from tests.environments.index import Index
from tests.environments.pytorch_index import pytorch_index

PLATFORM, PYTHON = "x86_64-manylinux_2_28", (3, 11)
BUILDS = {
    "cpu": {"torch": ["2.13.0", "2.12.0"], "torchvision": ["0.28.0"]},
    "cu129": {"torch": ["2.13.0", "2.14.0"], "torchvision": ["0.28.0"]},
    "cu128": {"torch": ["2.9.0"]},
    "cu126": {"torch": ["2.9.0"], "torchvision": ["0.24.0"]},
    "cu124": {"torch": ["2.5.1"], "torchvision": ["0.20.1"]},
    "cu118": {"torch": ["2.5.1"], "torchvision": ["0.20.1"]},
    "rocm6.4": {"torch": ["2.13.0"]},
}


def _lock(folder: Path, here: dict[str, str], driver: str | None, cache: str = "cache") -> Lock:
    wish = Needs(folder, None, {name: name for name in here}, here, key=f"{here}")
    target = Target(PLATFORM, PYTHON, driver)
    return make_lock(wish, target, folder.parent / cache, lambda step: None)


@pytest.mark.parametrize(
    ("driver", "version"),
    [
        (None, "2.13.0+cpu"),
        ("cuda 550.54.14", "2.13.0+cu129"),
        ("rocm 6.4.1", "2.13.0+rocm6.4"),
    ],
)
def test_torch_is_that_of_the_driver_in_the_version_of_here(
    index: Index,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    driver: str | None,
    version: str,
) -> None:
    # Here it is a build for a laptop; whatever the user set for uv here is for here.
    monkeypatch.setenv("UV_TORCH_BACKEND", "cu118")
    index.wheel("torch", "2.13.0", "nvidia-everything")
    with pytorch_index(BUILDS, tmp_path, monkeypatch) as asked:
        lock = _lock(folder, {"torch": "2.13.0"}, driver)
    assert lock.packages == {"ipykernel": "7.0", "torch": version}
    assert lock.notes == ()
    assert any(path.startswith(f"/whl/{version.partition('+')[2]}/torch") for path in asked)


def test_relatives_of_torch_come_in_the_same_build(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"torch": "2.13.0", "torchvision": "0.28.0"}
    with pytorch_index(BUILDS, tmp_path, monkeypatch):
        lock = _lock(folder, here, "cuda 550.54.14")
    assert lock.packages == {
        "ipykernel": "7.0",
        "torch": "2.13.0+cu129",
        "torchvision": "0.28.0+cu129",
    }


def test_an_older_build_is_taken_before_another_version(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytorch_index(BUILDS, tmp_path, monkeypatch) as asked:
        lock = _lock(folder, {"torch": "2.9.0"}, "cuda 550.54.14")
    assert lock.packages["torch"] == "2.9.0+cu128"
    assert lock.notes == ()
    assert "cu132" not in {path.split("/")[2] for path in asked}


def test_packages_of_pytorch_come_in_one_build(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"torch": "2.9.0", "torchvision": "0.24.0"}
    with pytorch_index(BUILDS, tmp_path, monkeypatch):
        lock = _lock(folder, here, "cuda 550.54.14")
    # cu128 has a newer build of torch, and no torchvision for it.
    assert lock.packages == {
        "ipykernel": "7.0",
        "torch": "2.9.0+cu126",
        "torchvision": "0.24.0+cu126",
    }
    assert lock.notes == ()


def test_relatives_of_an_images_torch_come_in_its_build(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"torch": "2.13.0", "torchvision": "0.28.0"}
    wish = Needs(folder, None, {name: name for name in here}, here, key="image")
    target = Target(PLATFORM, PYTHON, "cuda 550.54.14", {"torch": "2.5.1+cu124"})
    index.wheel("torchvision", "0.20.1", "torch==2.5.1")
    index.wheel("torchvision", "0.28.0", "torch==2.13.0")
    with pytorch_index(BUILDS, tmp_path, monkeypatch):
        lock = make_lock(wish, target, tmp_path / "cache", lambda step: None)
    assert lock.packages == {"ipykernel": "7.0", "torchvision": "0.20.1+cu124"}
    assert lock.notes == (
        "torch 2.5.1+cu124 instead of 2.13.0: the machine's image has it",
        "torchvision 0.20.1+cu124 instead of 0.28.0: 0.28.0 cannot be had for Linux x86_64,"
        " Python 3.11, or not with the others",
    )


def test_a_version_that_no_build_has_is_replaced_and_said(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytorch_index(BUILDS, tmp_path, monkeypatch):
        lock = _lock(folder, {"torch": "2.99.0"}, "cuda 550.54.14")
    assert lock.packages["torch"] == "2.14.0+cu129"
    assert "torch 2.14.0+cu129 instead of 2.99.0" in lock.notes[0]


def test_without_pytorchs_index_the_usual_one_serves_and_it_is_said(
    index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.wheel("torch", "2.13.0")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    lock = _lock(folder, {"torch": "2.13.0"}, "cuda 550.54.14")
    assert lock.packages["torch"] == "2.13.0"
    assert lock.notes == (
        "PyTorch's own index cannot be reached from here: torch comes from the usual one,"
        " whose build may not fit the machine's driver",
    )


def test_a_lock_made_in_such_a_state_is_made_again_later(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.wheel("torch", "2.13.0")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    _lock(folder, {"torch": "2.13.0"}, None)
    with pytorch_index(BUILDS, tmp_path, monkeypatch):
        assert _lock(folder, {"torch": "2.13.0"}, None).packages["torch"] == "2.13.0"
        monkeypatch.setattr("jupyter_remote_gpu.environments.kept._DEGRADED_SECONDS", -1.0)
        assert _lock(folder, {"torch": "2.13.0"}, None).packages["torch"] == "2.13.0+cpu"


def _target(driver: str | None) -> Target:
    return Target(PLATFORM, PYTHON, driver)


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        (None, Build("cpu")),
        ("cuda 550.54.14", Build("auto", {"UV_CUDA_DRIVER_VERSION": "550.54.14"})),
        ("rocm gfx942", Build("auto", {"UV_AMD_GPU_ARCHITECTURE": "gfx942"})),
        ("rocm 6.3.2", Build("rocm6.3")),
        ("rocm 6.2.4", Build("rocm6.2.4")),
        ("rocm 99.1", Build("rocm7.2")),
        ("rocm 4.0", Build("rocm5.6")),
        ("cuda ?", Build("cpu")),
    ],
)
def test_how_uv_is_told_of_a_driver(driver: str | None, expected: Build) -> None:
    assert build(_target(driver)) == expected


def test_the_build_that_a_version_names() -> None:
    assert backend_of("2.5.1+cu124") == "cu124"
    assert backend_of("2.5.1") == backend_of("2.5.1+git123") == ""
