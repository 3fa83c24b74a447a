"""The machine's disk fills up under a run: it is told, held back, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.ending import end_machine
from jupyter_remote_gpu.errors import DiskFullError
from jupyter_remote_gpu.transport.local import LocalTransport
from tests.session.recording import Bench

pytestmark = pytest.mark.root


@pytest.fixture
def small_home(tmp_path: Path) -> Iterator[Path]:
    """A machine's home on a disk of 6 MB."""
    home = tmp_path / "state"
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m,mode=700", "tmpfs", str(home)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can only be made by root, where mounting is allowed")
    yield home
    end_machine(home)
    subprocess.run(["umount", "-l", str(home)], check=True)


def grow(home: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=64m", str(home)], check=True)


def test_a_run_goes_on_when_there_is_room_again(small_home: Path, tmp_path: Path) -> None:
    bench = Bench(LocalTransport(small_home), tmp_path)
    told = bench.front_end.notes

    class Growing(list[str]):
        """Makes room as soon as the user is told."""

        def append(self, text: str) -> None:
            super().append(text)
            if "disk is full" in text:
                grow(small_home)

    bench.front_end.notes = told = Growing()
    outcome = bench.remote("for i in range(12_000): print(i, 'x' * 1000)")
    assert outcome.error is None
    assert [note for note in told if "disk is full" in note]
    lines = bench.front_end.text().splitlines()
    assert lines == [f"{i} {'x' * 1000}" for i in range(12_000)]
    bench.close()


def test_a_kernel_does_not_start_on_a_full_disk(small_home: Path, tmp_path: Path) -> None:
    (small_home / "ballast").write_bytes(b"x" * 5_500_000)
    bench = Bench(LocalTransport(small_home), tmp_path)
    with pytest.raises(DiskFullError, match="full"):
        bench.remote("1")
    grow(small_home)
    assert bench.remote("1").error is None
    bench.close()
