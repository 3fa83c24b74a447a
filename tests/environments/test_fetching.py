"""Packages carried to a machine without internet: uv there finds all of them offline."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from jupyter_remote_gpu.environments.lock import Lock, fetch_packages, make_lock
from jupyter_remote_gpu.environments.needs import Needs
from jupyter_remote_gpu.environments.target import Target
from jupyter_remote_gpu.errors import NoIndexError, PackagesError
from jupyter_remote_gpu.protocol.steps import Step
from jupyter_remote_gpu.uv_program import uv
from tests.environments.index import PASSWORD, Index, sdist_bytes, serving, wheel_bytes

THERE = Target("aarch64-manylinux_2_28", (3, 12))
"""Another platform and Python than this one's."""


def _lock(folder: Path, here: dict[str, str], target: Target = THERE, **asked: str) -> Lock:
    wishes = {name: asked.get(name, name) for name in here}
    wish = Needs(folder, None, wishes, here, key=json.dumps(wishes))
    return make_lock(wish, target, folder.parent / "cache", lambda step: None)


def _machine(tmp_path: Path, lock: Lock, *archives: Path, target: Target = THERE) -> set[str]:
    """Install a lock as a machine does that has only what was carried; return its modules."""
    cache, into = tmp_path / "machine", tmp_path / "installed"
    cache.mkdir(exist_ok=True)
    for archive in archives:
        with tarfile.open(archive) as tar:
            tar.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)  # 3.11.4
            tar.extractall(cache)
    file = cache / "pylock.there.toml"
    file.write_text(lock.text)
    command = [uv(), "pip", "install", "--preview-features", "pylock", "--offline", "--no-config"]
    command += ["--cache-dir", str(cache), "--target", str(into), "-r", str(file), "--quiet"]
    command += ["--python-platform", target.platform, "--python", sys.executable]
    command += ["--python-version", f"{target.python[0]}.{target.python[1]}"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return {path.stem for path in into.glob("*.py")}


def test_a_machine_without_internet_has_all_it_needs(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    index.wheel("alpha", "1.0", "beta", tag="cp312-cp312-manylinux_2_17_aarch64")
    index.wheel("beta", "1.0")
    index.sdist("sourceonly", "1.0")
    lock = _lock(folder, {"alpha": "1.0", "sourceonly": "1.0"})
    steps: list[Step] = []
    archive = fetch_packages(lock, THERE, tmp_path / "cache", steps.append)
    assert [(s.done, s.total) for s in steps] == [(1, 4), (2, 4), (3, 4), (4, 4), (0, 0)]
    index.packages.clear()
    modules = _machine(tmp_path, lock, archive)
    assert modules == {"alpha", "beta", "ipykernel", "sourceonly"}


def test_a_second_project_fetches_and_sends_only_what_is_new(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    for name in ("alpha", "beta"):
        index.wheel(name, "1.0")
    first = _lock(folder, {"alpha": "1.0"})
    one = fetch_packages(first, THERE, cache, lambda step: None)
    second = _lock(folder, {"alpha": "1.0", "beta": "1.0"})
    index.asked.clear()
    have = [f"{name}=={version}" for name, version in first.packages.items()]
    two = fetch_packages(second, THERE, cache, lambda step: None, have)
    assert {path for path in index.asked if "/files/" in path} == {
        "/files/beta-1.0-py3-none-any.whl"
    }
    with tarfile.open(two) as tar:
        assert not [name for name in tar.getnames() if "alpha" in name]
    assert _machine(tmp_path, second, one, two) == {"alpha", "beta", "ipykernel"}


def test_the_same_again_runs_nothing(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.wheel("alpha", "1.0")
    lock = _lock(folder, {"alpha": "1.0"})
    first = fetch_packages(lock, THERE, tmp_path / "cache", lambda step: None)
    monkeypatch.setattr("jupyter_remote_gpu.environments.fetching.uv", lambda: "/nonexistent")
    assert fetch_packages(lock, THERE, tmp_path / "cache", lambda step: None) == first


def test_a_wheel_of_this_computer_is_carried_to_where_the_lock_says(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "lab_tools-0.1-py3-none-any.whl").write_bytes(wheel_bytes("lab-tools", "0.1"))
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    lock = _lock(folder, {"lab-tools": "0.1"})
    rest = fetch_packages(lock, THERE, tmp_path / "cache", lambda step: None, ["lab-tools==0.1"])
    own = fetch_packages(lock, THERE, tmp_path / "cache", lambda step: None, lock.fetchable)
    (wheels / "lab_tools-0.1-py3-none-any.whl").unlink()
    assert _machine(tmp_path, lock, rest, own) == {"ipykernel", "lab_tools"}


def test_packages_behind_a_password_are_carried_without_it(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Index(private=True)) as private:
        private.wheel("secret-tools", "1.0")
        monkeypatch.setenv("UV_INDEX", private.url)
        lock = _lock(folder, {"secret-tools": "1.0"})
        archive = fetch_packages(lock, THERE, tmp_path / "cache", lambda step: None)
    monkeypatch.delenv("UV_INDEX")
    assert "secret_tools" in _machine(tmp_path, lock, archive)
    for path in (tmp_path / "machine").rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()


def test_a_repository_is_carried_as_what_was_built_of_it(
    index: Index, folder: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    with tarfile.open(fileobj=io.BytesIO(sdist_bytes("repotool", "1.0"))) as tar:
        tar.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)  # 3.11.4
        tar.extractall(repository)
    root = repository / "repotool-1.0"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(root)]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "All"]):
        subprocess.run([*git, *words], check=True)
    address = f"repotool @ git+file://{root}"
    lock = _lock(folder, {"repotool": "1.0"}, repotool=address)
    assert lock.notes == ()
    archive = fetch_packages(lock, THERE, tmp_path / "cache", lambda step: None)
    root.rename(tmp_path / "gone")
    assert "repotool" in _machine(tmp_path, lock, archive)


def test_a_file_that_is_gone_or_was_changed_is_told(
    index: Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.wheel("alpha", "1.0")
    lock = _lock(folder, {"alpha": "1.0"})
    index.wheel("alpha", "1.0", "something-else")
    with pytest.raises(PackagesError, match=r"alpha 1\.0 could not be made ready.*[Hh]ash"):
        fetch_packages(lock, THERE, tmp_path / "cache", lambda step: None)
    index.packages.clear()
    with pytest.raises(PackagesError, match=r"alpha 1\.0|ipykernel 7\.0"):
        fetch_packages(lock, THERE, tmp_path / "cache", lambda step: None)
    assert list((tmp_path / "cache" / "pieces").glob("alpha*")) == []


def test_without_a_network_it_is_said(index: Index, folder: Path, tmp_path: Path) -> None:
    with serving(Index()) as other:
        other.wheel("alpha", "1.0")
        text = _lock(folder, {}).text
        address = other.url.removesuffix("/simple")
    table = f'[[packages]]\nname = "alpha"\nversion = "1.0"\nwheels = [{{ url = "{address}/files/'
    whole = f'{table}alpha-1.0-py3-none-any.whl", hashes = {{ sha256 = "{"0" * 64}" }} }}]\n'
    lock = Lock(f"{text}\n{whole}", "digest", {"alpha": "1.0"})
    with pytest.raises(NoIndexError, match="could not be fetched"):
        fetch_packages(lock, THERE, tmp_path / "cache", lambda step: None)
