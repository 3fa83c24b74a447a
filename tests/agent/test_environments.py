"""Building environments on the machine, by a real agent with a real uv."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from jupyter_remote_gpu.agent.home import open_home
from jupyter_remote_gpu.errors import (
    DiskFullError,
    EnvironmentBuildError,
    NeedsPackagesError,
    NeedsPythonError,
    ProtocolError,
)
from jupyter_remote_gpu.protocol import messages
from tests.agent.building import VERSION, Builder, Locked, lock_of, run_in, with_cache

NOWHERE = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}
"""A machine without a way to the package index."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A uv cache that has what the tests of this file install."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def small(cache: Path) -> Locked:
    """A lock of one small package, whose file is in the cache."""
    return _cached(cache, "six==1.16.0")


@pytest.fixture(scope="module")
def larger(cache: Path) -> Locked:
    """The same with one more."""
    return _cached(cache, "six==1.16.0", "idna==3.7")


@pytest.fixture(scope="module")
def kernel(cache: Path) -> Locked:
    """A lock with what a kernel needs."""
    return _cached(cache, "ipykernel", "pip", "six==1.16.0")


def _cached(cache: Path, *needs: str) -> Locked:
    found = lock_of(cache, *needs)
    builder = Builder(cache.parent / f"{cache.name}-{found.digest}")
    shutil.rmtree(builder.base / "cache", ignore_errors=True)
    (builder.base / "cache").mkdir()
    (builder.base / "cache" / "uv").symlink_to(cache)
    try:
        builder.build(found)
    finally:
        builder.close()
    return found


@pytest.fixture
def builder(tmp_path: Path, cache: Path) -> Iterator[Builder]:
    made = Builder(with_cache(tmp_path / "base", cache))
    yield made
    made.close()


def environments(builder: Builder, workspace: str = "w") -> list[str]:
    folder = builder.base / "workspaces" / workspace / "environments"
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_a_lock_is_installed_once_and_then_held(builder: Builder, small: Locked) -> None:
    opened = builder.ask(messages.OpenWorkspace, workspace="w", version=VERSION)
    assert (opened["python"], opened["digests"]) == ("", [])
    built = builder.build(small)
    assert run_in(built["python"], "import six; print(six.__version__)") == "1.16.0"
    assert builder.steps[0] == "making the environment"
    assert "installing 1 package" in builder.steps
    builder.steps.clear()
    again = builder.build(small)
    assert again == built
    assert builder.steps == []  # no process was started
    assert builder.ask(messages.OpenWorkspace, workspace="w", version=VERSION) == {
        **built,
        "provided": {},
    }


def test_more_packages_come_into_the_same_environment(
    builder: Builder, small: Locked, larger: Locked
) -> None:
    first = builder.build(small)
    # What the user installs himself stays.
    (Path(run_in(first["python"], "import six; print(six.__file__)")).parent / "own.py").touch()
    second = builder.build(larger)
    assert second["python"] == first["python"]
    assert set(second["digests"]) == {small.digest, larger.digest}
    assert run_in(first["python"], "import six, idna, own; print('all')") == "all"


def test_another_version_ends_what_an_earlier_lock_held(
    builder: Builder, small: Locked, cache: Path
) -> None:
    builder.build(small)
    newer = lock_of(cache, "six==1.17.0")
    assert builder.build(newer)["digests"] == [newer.digest]


def test_two_workspaces_share_their_files(builder: Builder, small: Locked) -> None:
    code = "import six, os; print(os.stat(six.__file__).st_ino)"
    found = {run_in(builder.build(small, name)["python"], code) for name in ("w", "v")}
    assert len(found) == 1


def test_two_clients_at_once_build_once_and_both_hear_of_it(
    builder: Builder, small: Locked
) -> None:
    other = Builder(builder.base)
    fields = {"workspace": "w", "version": VERSION, **small.fields}
    other.ask(messages.Ping)  # its way to the agent is open when the build begins
    joined: list[Future[dict[str, Any]]] = []

    def join(step: object) -> None:
        if not joined:
            joined.append(other.start(messages.BuildEnvironment, **fields))

    builder.on_step = join
    first = builder.ask(messages.BuildEnvironment, **fields)
    assert joined[0].result(60) == first
    assert builder.steps[0] == "making the environment"
    # who joins hears what is being done at that moment, and what comes after
    assert other.steps
    assert other.steps == builder.steps[-len(other.steps) :]  # of one build
    other.close()


@pytest.mark.parametrize("point", ["making the environment", "installing 1 package"])
def test_a_build_that_was_killed_is_done_again(builder: Builder, small: Locked, point: str) -> None:
    lock = open_home(builder.home).lock
    killed: list[int] = []

    def kill(step: object) -> None:
        if builder.steps[-1].startswith(point) and not killed:
            killed.append(int(lock.read_text()))
            os.kill(killed[0], signal.SIGKILL)

    builder.on_step = kill
    # The client connects again by itself, and asks again.
    built = builder.build(small)
    assert int(lock.read_text()) != killed[0]
    assert built["digests"] == [small.digest]
    assert run_in(built["python"], "import six; print(six.__version__)") == "1.16.0"


def test_what_a_killed_build_left_half_is_not_believed(builder: Builder, small: Locked) -> None:
    built = builder.build(small)
    stamp = Path(built["python"]).parents[2] / f"{VERSION}.json"
    held = json.loads(stamp.read_text())
    Path(run_in(built["python"], "import six; print(six.__file__)")).unlink()
    stamp.write_text(json.dumps({"digests": {}, "building": held["digests"][small.digest]}))
    builder.build(small)
    assert run_in(built["python"], "import six; print(six.__version__)") == "1.16.0"


def test_a_kernel_goes_on_while_its_environment_is_mended(builder: Builder, kernel: Locked) -> None:
    built = builder.build(kernel)
    opened = builder.open_kernel(built)
    stamp = Path(built["python"]).parents[2] / f"{VERSION}.json"
    held = json.loads(stamp.read_text())
    Path(run_in(built["python"], "import six; print(six.__file__)")).unlink()
    stamp.write_text(json.dumps({"digests": {}, "building": held["digests"][kernel.digest]}))
    builder.build(kernel)
    assert run_in(built["python"], "import six; print(six.__version__)") == "1.16.0"
    kernels = builder.ask(messages.ListKernels)["kernels"]
    assert [(one["kernel"], one["dead"]) for one in kernels] == [(opened["kernel"], False)]


def test_a_machine_without_a_way_to_the_index_asks_for_packages(
    tmp_path: Path, small: Locked
) -> None:
    builder = Builder(tmp_path / "base", NOWHERE)
    try:
        with pytest.raises(NeedsPackagesError, match="cannot fetch packages by itself"):
            builder.build(small)
        assert environments(builder) == []
    finally:
        builder.close()


def test_packages_that_a_client_brought_are_installed_without_a_network(
    tmp_path: Path, cache: Path, small: Locked
) -> None:
    builder = Builder(tmp_path / "base", NOWHERE)
    try:
        shutil.copytree(cache, builder.base / "carried" / "x", symlinks=True)
        built = builder.build(small, carried="carried/x")
        assert run_in(built["python"], "import six; print(six.__version__)") == "1.16.0"
        assert not (builder.base / "carried" / "x").exists()
    finally:
        builder.close()


def test_a_python_that_is_not_there_is_asked_for(tmp_path: Path, small: Locked) -> None:
    builder = Builder(tmp_path / "base", {"UV_PYTHON_DOWNLOADS": "never"})
    try:
        with pytest.raises(NeedsPythonError, match=r"no Python 3\.99"):
            builder.build(small, version="3.99")
        assert environments(builder) == []
    finally:
        builder.close()


def test_the_agents_own_python_is_one_of_its_machine(
    tmp_path: Path, cache: Path, small: Locked
) -> None:
    base = with_cache(tmp_path / "base", cache)
    builder = Builder(base, {**NOWHERE, "PATH": str(tmp_path)})
    try:
        built = builder.build(small)
    finally:
        builder.close()
    assert run_in(built["python"], "import sys; print(sys.base_prefix)") == sys.base_prefix


def test_an_interpreter_that_a_client_names_is_taken(builder: Builder, small: Locked) -> None:
    built = builder.build(small, interpreter=sys.executable)
    assert run_in(built["python"], "import sys; print(sys.base_prefix)") == sys.base_prefix


def test_a_password_is_in_no_step_and_no_error(tmp_path: Path, small: Locked) -> None:
    builder = Builder(tmp_path / "base", {"UV_HTTP_RETRIES": "0"})
    address = "http://me:sesame@127.0.0.1:9/six-1.16.0-py2.py3-none-any.whl"
    secret = re.sub(r'url = "[^"]+"', f'url = "{address}"', small.lock)
    assert "sesame" in secret
    try:
        with pytest.raises(EnvironmentBuildError) as caught:
            builder.build(Locked(secret, "d", small.packages))
    finally:
        builder.close()
    told = f"{caught.value} {builder.steps} {(builder.home / 'agent.log').read_text()}"
    assert "sesame" not in told


def test_a_name_that_leads_elsewhere_is_refused(builder: Builder) -> None:
    for name in ("../w", "", ".hidden", "a/b"):
        with pytest.raises(ProtocolError, match="no name of a workspace"):
            builder.ask(messages.OpenWorkspace, workspace=name, version=VERSION)


@pytest.mark.root
def test_a_full_disk_is_told_with_both_numbers_and_cleaned_up(
    tmp_path: Path, kernel: Locked
) -> None:
    base = tmp_path / "small"
    base.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(base)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("left out: a small disk cannot be mounted here")
    builder = Builder(base)
    try:
        with pytest.raises(DiskFullError, match=r"\d+ MB were free in .* \d+ MB are now"):
            builder.build(kernel)
        assert environments(builder) == []
    finally:
        builder.close()
        subprocess.run(["umount", "-l", str(base)], check=True)


def test_an_environment_over_an_image_uses_its_packages_and_leaves_it_alone(
    builder: Builder, small: Locked
) -> None:
    image = str(Path(sys.prefix) / "bin" / "python")
    site = Path(pytest.__file__).parents[1]
    before = site.stat().st_mtime_ns
    opened = builder.ask(messages.OpenWorkspace, workspace="w", version=VERSION, over=image)
    assert opened["provided"]["pytest"] == pytest.__version__
    built = builder.build(small, over=image)
    code = "import pytest, six, sys; print(pytest.__file__, six.__version__, sys.prefix)"
    where, version, prefix = run_in(built["python"], code).split()
    assert (where, version) == (pytest.__file__, "1.16.0")
    assert prefix == str(Path(built["python"]).parents[1])
    assert site.stat().st_mtime_ns == before
    # The environment of the same workspace that lies over nothing is another one.
    assert builder.build(small)["python"] != built["python"]
