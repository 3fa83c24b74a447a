"""Tokens, links and passwords of sources are nowhere but in memory: all places are searched.

Searched are what the notebook shows (and so saves), the machine's home with its
journals and logs, this computer's caches, settings and logs at their most
talkative, and the arguments and variables of every process, on both sides:
while the data come, after they came, and after each way in which they do not.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

import pytest

from tests.datasets.emulators import kaggle as emulated
from tests.datasets.emulators.hub import Hub, Repository
from tests.datasets.emulators.kaggle import USER, Dataset, Kaggle
from tests.datasets.emulators.serving import Asked, Reply, serving
from tests.datasets.emulators.storage import Storage
from tests.notebook import Notebook, Shown
from tests.ssh_machines import ON_A_MACHINE, SSHMachines

pytestmark = [*ON_A_MACHINE, pytest.mark.slow]
# Of this run alone: other tests that run meanwhile have theirs in their variables.
ACCESS, KEY, HUB = f"KGAT_{token_hex(16)}", token_hex(16), f"hf_{token_hex(17)}"
REFRESH, ENDED = f"kaggle_refresh_{token_hex(8)}", f"KGAT_{token_hex(8)}"
PASSWORD, SIGNATURE = f"hunter2-{token_hex(4)}", token_hex(12)
WAIT_SECONDS = 60.0
READY_SECONDS = 300.0
SETUP = """
import logging
logging.basicConfig(filename="{log}", level=logging.DEBUG)
from jupyter_remote_gpu.datasets.kaggle import KaggleSource
from jupyter_remote_gpu.datasets.kaggle_calls import KaggleCalls
from jupyter_remote_gpu.datasets.reference import Kind

_sources = get_ipython().remote_gpu_extension.machines.data._finding
_sources._made[Kind.KAGGLE] = KaggleSource(KaggleCalls(endpoint="{url}"))
"""


class Gated(Storage):
    """A storage that can hold back what is more than a first byte."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.reached = threading.Event()
        self.secrets: set[str] = set()

    def answer(self, asked: Asked) -> Reply:
        """Answer once `go` is set."""
        self.secrets |= {asked.query[n] for n in ("X-Goog-Signature", "sig") if n in asked.query}
        if asked.headers.get("range") != "bytes=0-0":
            self.reached.set()
            assert self.go.wait(WAIT_SECONDS)
        return super().answer(asked)


@dataclass
class World:
    """A notebook, its machine behind SSH, Kaggle, the Hub and a storage, and all secrets so far."""

    notebook: Notebook
    machines: SSHMachines
    home: Path
    kaggle: Kaggle
    hub: Hub
    storage: Gated
    secrets: set[str] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.time)

    def run(self, cell: str) -> Shown:
        """Run a cell, and keep all that it shows."""
        shown = self.notebook.run(cell, timeout=READY_SECONDS)
        self.said.append(json.dumps(shown.messages, default=str))
        return shown

    def run_held(self, cell: str, look: Callable[[], None]) -> Shown:
        """Run a cell; `look` while its data are on their way."""
        self.storage.reached.clear()
        self.storage.go.clear()
        with ThreadPoolExecutor(1) as pool:
            looked = pool.submit(self._look, look)
            shown = self.run(cell)
            looked.result()
        return shown

    def _look(self, look: Callable[[], None]) -> None:
        try:
            assert self.storage.reached.wait(WAIT_SECONDS)
            look()
        finally:
            self.storage.go.set()

    def put(self, name: str, text: str) -> Path:
        """Write a credential where its own program keeps it."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
        return path

    def require_none(self) -> None:
        """Fail if a secret is anywhere that it must not be."""
        folders = (self.machines.hosts["box"].home, self.machines.folder, self.machines.cache)
        secrets = [one.encode() for one in self.secrets | self.storage.secrets]
        own = {str(self.home / ".kaggle"), str(self.home / "hf")}
        files = [path for folder in folders for path in _written(folder, self.began, own)]
        running = list(Path("/proc").glob("[0-9]*"))
        told = [one / name for one in running for name in ("cmdline", "environ")]
        for path in (*files, *told):
            held = _read(path)
            assert not [one for one in secrets if one in held], path
        assert not [one for one in self.secrets | self.storage.secrets if one in "".join(self.said)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, ssh_cache: Path) -> Iterator[World]:
    base = tmp_path_factory.mktemp("secrets")
    storage = Gated()
    storage.go.set()
    patched = pytest.MonkeyPatch()
    patched.setattr(emulated, "KEY", KEY)
    patched.setattr(emulated, "REFRESH", REFRESH)
    with serving(storage), serving(kaggle := Kaggle(storage)), serving(hub := Hub(storage)):
        kaggle.tokens, hub.tokens = {ACCESS: USER}, {HUB: USER}
        machines = _Machines(base, ssh_cache)
        machines.more = {"HOME": str(base / "user"), "HF_ENDPOINT": hub.url}
        machines.more |= {"HF_HOME": str(base / "user" / "hf"), "NO_PROXY": "127.0.0.1"}
        try:
            machines.start("box")
            notebook = machines.open("secrets")
            setup = SETUP.format(log=base / "client.log", url=kaggle.url)
            add = "%remote_gpu add box box-host"
            for cell in (setup, add, "%remote_gpu use box", "%%remote_gpu\npass"):
                assert notebook.run(cell, timeout=READY_SECONDS).error() == ""
            yield World(notebook, machines, base / "user", kaggle, hub, storage)
        finally:
            machines.close()
            patched.undo()


class _Machines(SSHMachines):
    """Machines of a user with a home of his own."""

    more: dict[str, str]

    @property
    def environ(self) -> dict[str, str]:
        return {**super().environ, **self.more}


def _kaggle_file(world: World) -> str:
    world.put(".kaggle/access_token", f"{ACCESS}\n")
    world.secrets.add(ACCESS)
    return "kaggle://shop/{name}"


def _kaggle_key(world: World) -> str:
    world.put(".kaggle/kaggle.json", json.dumps({"username": USER, "key": KEY}))
    world.secrets |= {KEY, base64.b64encode(f"{USER}:{KEY}".encode()).decode()}
    return "kaggle://shop/{name}"


def _kaggle_login(world: World) -> str:
    said = {"refresh_token": REFRESH, "access_token": ENDED, "username": USER}
    said["access_token_expiration"] = "2020-01-01T00:00:00Z"
    world.put(".kaggle/credentials.json", json.dumps(said))
    world.secrets |= {REFRESH, ENDED, "KGAT_renewed"}
    return "kaggle://shop/{name}"


def _hub(world: World) -> str:
    world.put("hf/token", HUB)
    world.secrets.add(HUB)
    return "hf://datasets/shop/{name}"


def _password(world: World) -> str:
    world.secrets |= {PASSWORD, base64.b64encode(f"me:{PASSWORD}".encode()).decode()}
    world.storage.put("/with/password.zip", DATA)
    return f"{world.storage.url.replace('http://', f'http://me:{PASSWORD}@')}/with/password.zip"


def _signed(world: World) -> str:
    world.secrets.add(SIGNATURE)
    world.storage.put("/with/signature.csv", DATA)
    return f"{world.storage.url}/with/signature.csv?sig={SIGNATURE}&se=2030-01-01"


DATA = b"id,text\n" * 40_000
KINDS = [_kaggle_file, _kaggle_key, _kaggle_login, _hub, _password, _signed]


@pytest.mark.parametrize("arrange", KINDS, ids=lambda one: one.__name__.strip("_"))
def test_no_secret_is_anywhere(world: World, arrange: Callable[[World], str]) -> None:
    name = arrange.__name__.strip("_")
    address = arrange(world).replace("{name}", name)
    world.storage.signs = arrange not in (_password, _signed)
    world.kaggle.datasets[f"shop/{name}"] = Dataset([{f"{name}.csv": DATA}], private=True)
    world.hub.repositories[f"datasets/shop/{name}"] = Repository(
        [{"a.csv": DATA, "small.md": b"# Items"}], True
    )
    held = world.run_held(f"%remote_gpu data {address} --as {name} --newest", world.require_none)
    assert held.error() == ""
    there = world.run(f'%%remote_gpu\nimport os\nprint(os.listdir("data/{name}"))')
    assert there.error() == ""
    assert there.text() != "[]\n"
    for verb in ("status", "data", "runs", "clean box"):
        assert world.run(f"%remote_gpu {verb}").error() == ""
    world.require_none()
    for trouble in (_refuses, _breaks):
        trouble(world)
        world.run(f"%remote_gpu data {address} --as other --newest")
        world.storage.faults.clear()
        world.kaggle.faults.clear()
        world.hub.faults.clear()
        world.require_none()
    for path in (world.home / ".kaggle").glob("*"):
        path.unlink()


def _refuses(world: World) -> None:
    """The source refuses who asks."""
    for one in (world.kaggle, world.hub, world.storage):
        one.faults.answer("/", Reply(403, {}, b"no"), times=20)


def _breaks(world: World) -> None:
    """Every connection breaks off at once."""
    for one in (world.kaggle, world.hub, world.storage):
        one.faults.drop("/", 0, reset=True, times=40)


def _written(folder: Path, since: float, own: set[str]) -> Iterator[Path]:
    """Yield the files that were written since a moment, but for those that keep credentials."""
    for inside, names, files in os.walk(folder):
        names[:] = [n for n in names if n != "ipython" and f"{inside}/{n}" not in own]
        for name in files:
            path = Path(inside, name)
            with contextlib.suppress(OSError):  # gone already
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and status.st_ctime >= since - 1:
                    yield path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # gone, or a process that has ended


def test_the_search_finds_what_is_there(world: World, tmp_path: Path) -> None:
    planted = world.machines.folder / "planted"
    planted.write_text(f"link: {ACCESS}")
    world.secrets.add(ACCESS)
    with pytest.raises(AssertionError, match="planted"):
        world.require_none()
    planted.unlink()
    world.said.append(ACCESS)
    with pytest.raises(AssertionError):
        world.require_none()
    world.said.pop()
    world.require_none()
