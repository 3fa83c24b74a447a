"""A machine without Python: one is fetched for its platform, there or here, and carried."""

from __future__ import annotations

import functools
import http.server
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import AgentStartError
from jupyter_remote_gpu.machines.ssh.bundle import bundle
from tests.lab.lab import Lab, open_lab
from tests.machines.ssh.conftest import Client

pytestmark = pytest.mark.root
VERSION = "{}.{}".format(*sys.version_info)
KEY = f"cpython-{platform.python_version()}-linux-{platform.machine()}-gnu"
LEFT_OUT = {"__pycache__", "test", "tests", "idlelib", "tkinter", "ensurepip", "site-packages"}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with this Python packed as python-build-standalone packs its own."""
    folder = tmp_path_factory.mktemp("mirror")
    with tarfile.open(folder / "python.tar.gz", "w:gz", compresslevel=1) as tar:
        tar.add(os.path.realpath(sys.executable), f"python/bin/python{VERSION}")
        library = sysconfig.get_path("stdlib")
        tar.add(library, f"python/lib/python{VERSION}", filter=_needed)
    return folder


def _needed(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    # Debian's library has links out of it, which a standalone build has not.
    left_out = info.issym() or LEFT_OUT & set(Path(info.name).parts)
    return None if left_out or "/config-" in info.name else info


def list_download(mirror: Path, address: str) -> Path:
    """Write the list that uv reads, with one download in it."""
    one = {
        "name": "cpython", "arch": {"family": platform.machine(), "variant": None}, "os": "linux",
        "libc": "gnu", "major": sys.version_info[0], "minor": sys.version_info[1],
        "patch": sys.version_info[2], "prerelease": "", "variant": None, "sha256": None,
        "url": f"{address}/python.tar.gz", "build": "20240101",
    }  # fmt: skip
    (mirror / "list.json").write_text(json.dumps({KEY: one}))
    return mirror / "list.json"


@pytest.fixture
def served(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The mirror on the web; the list says who fetched what."""
    fetched: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            fetched.append(f"{self.headers.get('User-Agent', '')} {args[0]}")

    handler = functools.partial(Handler, directory=str(mirror))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        address = f"http://127.0.0.1:{server.server_address[1]}"
        list_download(mirror, address)
        monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", f"{address}/list.json")
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield fetched
        server.shutdown()
        serving.join()


def give_libraries(lab: Lab) -> None:
    """Put what this Python is linked against there; a standalone build has it inside."""
    modules = Path(sysconfig.get_path("stdlib"), "lib-dynload").glob("*.so")
    said = subprocess.run(
        ["ldd", os.path.realpath(sys.executable), *map(str, modules)],
        capture_output=True,
        text=True,
    ).stdout
    for path in set(re.findall(r"=> (/\S+)", said)):
        place = lab.machine.root / "lib" / Path(path).parent.name / Path(path).name
        if not path.startswith("/lib"):
            place = lab.machine.root / "lib" / f"{platform.machine()}-linux-gnu" / Path(path).name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():  # those that are used must not be written to
            shutil.copy(path, place)


def test_a_machine_without_internet_is_brought_one(
    mirror: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = list_download(mirror, mirror.as_uri())
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", listed.as_uri())
    with open_lab(bare=True) as lab:
        give_libraries(lab)
        client = Client(lab.target(way="lan"), cache)
        machine = client.machine()
        assert machine.facts.pythons == ()
        machine.connect().close()
        words = list(dict.fromkeys(step.what for step in client.steps))
        assert f"sending Python {VERSION}" in words
        known = machine.known
        assert known is not None
        assert known.python.startswith(f"{known.base}/pythons/cpython-{VERSION}")
        # another client finds it there, and nothing is carried again
        second = Client(client.target, cache, token="of another")
        second.join()
        assert second.sent_bytes == 0
        # so does an environment that asks for it
        assert machine.carry_python((sys.version_info[0], sys.version_info[1])) == known.python


def test_a_machine_with_internet_fetches_it_by_itself(served: list[str], cache: Path) -> None:
    with open_lab(bare=True, internet=True) as lab:
        give_libraries(lab)
        client = Client(lab.target(way="lan"), cache)
        known = client.join().known
        assert known is not None
        assert "/pythons/cpython-" in known.python
        assert not [step for step in client.steps if step.what.startswith("sending Python")]
        assert [line for line in served if "python.tar.gz" in line]


def test_a_python_that_cannot_be_had_is_told(
    mirror: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mirror / "empty.json").write_text("{}")
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", (mirror / "empty.json").as_uri())
    with open_lab(bare=True) as lab:
        client = Client(lab.target(way="lan"), cache)
        with pytest.raises(AgentStartError, match="could not be fetched here, to be carried"):
            client.machine().carry_python((3, 9))
        # the machine's user sees which tool is missing, too
        (lab.machine.root / "usr/bin/gzip").unlink()
        with pytest.raises(AgentStartError, match="has no gzip, which unpacking needs"):
            client.join()


@pytest.mark.parametrize(
    "target",
    ["aarch64-manylinux_2_28", "x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl",
     "x86_64-manylinux_2_17"],
)  # fmt: skip
@pytest.mark.slow
def test_what_an_agent_needs_can_be_had_for_other_platforms(target: str, cache: Path) -> None:
    """Such machines cannot be had here; what would be carried is looked at."""
    made = bundle(target, (3, 12))
    processor = target.partition("-")[0]
    for path in made.paths[:2]:
        with tarfile.open(made.packed(path, cache).archive) as tar:
            names = tar.getnames()
            compiled = [n for n in names if n.endswith(".so")]
            if path == made.uv_path:
                head = tar.extractfile("uv")
                assert head is not None
                assert head.read(20)[18] == {"x86_64": 62, "aarch64": 183}[processor]
            else:
                assert compiled
                assert not [n for n in compiled if "linux-" in n and processor not in n]
                assert ("musl" in target) == any("musl" in n for n in compiled)
