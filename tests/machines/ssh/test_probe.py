"""What the first look finds: processors, C libraries, GPUs, interpreters; and how long it takes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import AgentStartError
from jupyter_remote_gpu.machines.ssh.looking import look_script
from jupyter_remote_gpu.machines.ssh.probe import Gpu, Probe, read_probe
from tests.lab.lab import open_lab
from tests.machines.ssh.conftest import Client
from tests.machines.ssh.test_making_ready import fake

LEAST = "system=Linux\nprocessor=x86_64\nlibc=glibc 2.36\nbase=/home/u/base\nfree=1000\n"
SMI = """case "$*" in *query-gpu=name,memory.total,driver_version*)
echo "NVIDIA GeForce RTX 3090, 24576, 550.54.14"; echo "NVIDIA GeForce RTX 3090, 24576, 550.54.14";;
*) exit 9;; esac"""


def read(text: str) -> Probe:
    return read_probe("box", LEAST + text)


def test_platforms_are_named_as_uv_names_them() -> None:
    assert read("").platform == "x86_64-manylinux_2_36"
    assert read("libc=").platform == "x86_64-manylinux_2_36"
    old = LEAST.replace("2.36", "2.27").replace("x86_64", "arm64")
    assert read_probe("box", old).platform == "aarch64-manylinux_2_17"
    for words in ("musl libc (x86_64) Version 1.2.4", "musl"):
        assert read_probe("box", LEAST.replace("glibc 2.36", words)).platform == (
            "x86_64-unknown-linux-musl"
        )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (("Linux", "FreeBSD"), "runs FreeBSD"),
        (("x86_64", "ppc64le"), "of the kind ppc64le"),
        (("glibc 2.36", "glibc 2.16"), "glibc 2.16, which is too old"),
        (("glibc 2.36", "no such command"), "C library of box could not be told"),
        (("base=/home/u/base", "unusable=/home/u/base: not writable"), "not writable"),
        (("free=", "lacks=gzip\nlacks=tar\nfree="), "no gzip and no tar"),
    ],
)
def test_what_can_never_do_is_told(changed: tuple[str, str], told: str) -> None:
    with pytest.raises(AgentStartError, match=told) as caught:
        read_probe("box", LEAST.replace(*changed))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("lines", "driver", "gpus"),
    [
        ("", None, ()),
        ("nvidia=NVIDIA H100 80GB HBM3, 81559, 570.86.15", "cuda 570.86.15",
         (Gpu("NVIDIA H100 80GB HBM3", 81559 << 20),)),
        ("nvidia=NVIDIA GB10, [N/A], 580.95.05", "cuda 580.95.05", (Gpu("NVIDIA GB10"),)),
        ("nvidia=NVIDIA-SMI has failed because it could not speak to the driver.", None, ()),
        ("amd=AMD Instinct MI300X|205822885888|6.2.0-66", "rocm 6.2.0",
         (Gpu("AMD Instinct MI300X", 205822885888),)),
        ("amd=|68702699520|", "rocm", (Gpu("AMD GPU", 68702699520),)),
        ("amd=|536870912|6.2.0", None, ()),
    ],
)  # fmt: skip
def test_gpus_and_their_drivers(lines: str, driver: str | None, gpus: tuple[Gpu, ...]) -> None:
    found = read(lines)
    assert (found.driver, found.gpus) == (driver, gpus)


def test_interpreters_of_an_image() -> None:
    found = read(
        "python=3.11|/usr/bin/python3.11|/usr|||\n"
        "python=3.11|/usr/bin/python3.11|/usr|||\n"
        "python=3.12|/opt/conda/bin/python3.12|/opt/conda|2.5.1+cu124|12.4|\n"
        "python=3.10|/venv/bin/python3.10|/venv|2.10.0+rocm6.2|None|6.2.41133\n"
        "python=3.14|/opt/new/bin/python3.14|/opt/new|||\n"
        "python=2.7|/usr/bin/python2.7|/usr|||\n"
        "python=\npython=nonsense\n"
    )
    agent = found.python()
    assert agent is not None
    assert agent.path == "/opt/conda/bin/python3.12"
    assert [(p.path, p.torch, p.torch_build) for p in found.with_torch()] == [
        ("/venv/bin/python3.10", "2.10.0+rocm6.2", "rocm 6.2.41133"),
        ("/opt/conda/bin/python3.12", "2.5.1+cu124", "cuda 12.4"),
    ]
    assert read("python=3.9|/usr/bin/python3.9|/usr|||").python() is None


def test_nonsense_does_no_harm() -> None:
    found = read("clock=now\nfree=much\nnvidia=, ,\namd=|x|y\npython=3.x|a|b|c|d|e\nthere=\n=\n")
    assert (found.skew_seconds, found.free, found.gpus, found.pythons) == (0, 1_024_000, (), ())
    assert read_probe("box", LEAST.replace("1000", "much")).free == 0


def test_a_wrong_clock_is_told() -> None:
    assert read(f"clock={int(time.time())}").notes == ()
    (note,) = read(f"clock={int(time.time()) - 7200}").notes
    assert "s behind this computer's" in note


def test_amd_cards_are_found_in_the_systems_tables(tmp_path: Path) -> None:
    (tmp_path / "sys/module/amdgpu").mkdir(parents=True)
    (tmp_path / "rocm/.info").mkdir(parents=True)
    (tmp_path / "rocm/.info/version").write_text("6.3.1-48\n")
    for number, (vendor, memory) in enumerate([("0x1002", 8 << 30), ("0x8086", 8 << 30)]):
        device = tmp_path / f"sys/class/drm/card{number}/device"
        device.mkdir(parents=True)
        (device / "vendor").write_text(f"{vendor}\n")
        (device / "product_name").write_text("AMD Radeon PRO W7900\n")
        (device / "mem_info_vram_total").write_text(f"{memory}\n")
    script = look_script(sys=str(tmp_path / "sys"), rocm=str(tmp_path / "rocm"))
    ran = subprocess.run(
        ["sh", "-c", script],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "mark": "m"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = read_probe("here", ran.stdout)
    if found.driver is not None and found.driver.startswith("cuda"):
        pytest.skip("this computer has a GPU of NVIDIA's, which comes first")
    assert found.driver == "rocm 6.3.1"
    assert found.gpus == (Gpu("AMD Radeon PRO W7900", 8 << 30),)
    assert ran.stderr == ""


@pytest.mark.root
def test_a_look_at_a_machine_with_an_image(cache: Path) -> None:
    with open_lab(ours=True) as lab:
        fake(lab, "nvidia-smi", SMI)
        with open(lab.home / ".bashrc", "a") as file:
            file.write(f"export VIRTUAL_ENV={sys.prefix}\n")
        found = Client(lab.target(way="lan"), cache).machine().facts
        assert found.driver == "cuda 550.54.14"
        assert [gpu.name for gpu in found.gpus] == 2 * ["NVIDIA GeForce RTX 3090"]
        ours = [p for p in found.pythons if p.prefix == sys.prefix]
        assert [p.version for p in ours] == [sys.version_info[:2]]


@pytest.mark.root
def test_a_machine_with_no_python_and_no_tools_to_tell_its_library(cache: Path) -> None:
    with open_lab(bare=True) as lab:
        for name in ("getconf", "ldd", "awk", "mawk"):
            (lab.machine.root / "usr/bin" / name).unlink(missing_ok=True)
        found = Client(lab.target(way="lan"), cache).machine().facts
        assert found.libc[0] == "glibc"
        assert found.pythons == ()
        assert found.free > 0
