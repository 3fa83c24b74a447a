"""A machine's packages follow the notebook: a real sshd, agent, uv, index and kernel."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy
import pandas
import pytest
import xxhash

from jupyter_remote_gpu.agent.ending import end_machine
from jupyter_remote_gpu.errors import NeedsPythonError
from jupyter_remote_gpu.machines.ssh.reaching import ReachedMachine
from jupyter_remote_gpu.protocol.steps import Step
from jupyter_remote_gpu.session.environment import RemotePlace
from jupyter_remote_gpu.session.project import workspace_name
from tests.environments.index import Index, serving
from tests.machines.ssh import test_carried_python
from tests.session.recording import Bench
from tests.ssh_host import SSHD, SSHHost

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(SSHD is None, reason="no OpenSSH server is installed"),
]
mirror = test_carried_python.mirror
"""The fixture of a download of this Python."""


@dataclass
class Project:
    """A project's folder here, with a notebook in it."""

    folder: Path
    lines: tuple[str, ...] = ()
    ran: list[str] = field(default_factory=list)

    def sources(self) -> Sequence[str]:
        return self.ran

    def extras(self) -> Sequence[str]:
        return self.lines

    def record(self, lines: Sequence[str]) -> None:
        self.lines = tuple(lines)


class Machine:
    """A machine reached by SSH, and the benches of notebooks that use it."""

    def __init__(self, folder: Path, cache: Path, **variables: str) -> None:
        self.host = SSHHost(folder)
        found = {"HOME": str(self.host.home), "PATH": "/usr/bin:/bin", **variables}
        self.host.settings["SetEnv"] = " ".join(f"{k}={v}" for k, v in found.items())
        self.host.start()
        self.cache = cache
        self.steps: list[Step] = []
        self._benches: list[Bench] = []

    @property
    def base(self) -> Path:
        """Our folder on the machine."""
        return self.host.home / ".local" / "share" / "jupyter_remote_gpu"

    def bench(self, project: Project, **options: object) -> Bench:
        transport = ReachedMachine(self.host.target(), "token", self.cache, self.steps.append)
        name = workspace_name("client", project.folder)
        place = RemotePlace(
            f"{project.folder}/n.ipynb",
            project,
            name,
            transport,
            self.cache,
            self.steps.append,
            machine="test",
            **options,  # type: ignore[arg-type]
        )
        found = Bench(transport, project.folder, place=place)
        self._benches.append(found)
        return found

    def close(self) -> None:
        for one in self._benches:
            one.close()
        end_machine(self.base / "home")
        self.host.stop()


@contextmanager
def opened(folder: Path, cache: Path, **variables: str) -> Iterator[Machine]:
    found = Machine(folder, cache, **variables)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Machine]:
    with opened(tmp_path_factory.mktemp("ssh"), cache) as found:
        yield found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def bench(machine: Machine, project: Project) -> Bench:
    machine.steps.clear()
    return machine.bench(project)


def test_a_notebook_gets_its_python_and_packages(machine: Machine, bench: Bench) -> None:
    code = "import sys, numpy\nprint(sys.version_info[:2], numpy.__version__, sys.prefix)"
    assert bench.remote(code).error is None
    version, found, prefix = bench.front_end.text().rsplit(" ", 2)
    assert version == str(sys.version_info[:2])
    assert (found, prefix.startswith(str(machine.base))) == (numpy.__version__, True)
    said = [step.what for step in machine.steps]
    assert any("choosing packages" in what for what in said)
    assert any(what.startswith("installing") for what in said)


def test_what_a_cell_is_the_first_to_import_comes_before_it_runs(bench: Bench) -> None:
    bench.remote("pass")
    shown = bench.remote("import pandas\nprint(pandas.__version__)")
    assert shown.error is None
    assert bench.front_end.text() == f"{pandas.__version__}\n"
    (line,) = [note for note in bench.front_end.notes if "pandas" in note]
    assert line.startswith(f"test ▸ installed pandas {pandas.__version__}")
    # The standard library, and what is there already, brings nothing new.
    before = list(bench.front_end.notes)
    bench.remote("import json, pandas.io")
    assert bench.front_end.notes == before


def test_what_does_not_build_there_is_named_and_the_rest_comes(
    bench: Bench, project: Project
) -> None:
    with serving(Index()) as index:
        index.sdist("unbuildable", "1.0", builds=False)
        address = index.url.replace("/simple", "/files/unbuildable-1.0.tar.gz")
        project.lines = (f"unbuildable @ {address}",)
        shown = bench.remote("import numpy\nprint(numpy.__version__)")
    assert shown.error is None
    assert bench.front_end.text() == f"{numpy.__version__}\n"
    assert any(
        "unbuildable 1.0 could not be built on the machine" in note
        for note in bench.front_end.notes
    )


def test_a_module_that_a_local_cell_imported_is_there_too(bench: Bench, project: Project) -> None:
    bench.remote("pass")
    exec("import xxhash", bench.names)
    bench.hub.record("import xxhash", "<local>")
    project.ran.append("import xxhash")
    assert bench.remote("print(xxhash.xxh32(b'').intdigest())").error is None
    assert bench.front_end.text() == f"{xxhash.xxh32(b'').intdigest()}\n"


def test_a_module_that_is_nowhere_is_the_cells_own_error(bench: Bench) -> None:
    outcome = bench.remote("import no_such_module_anywhere")
    assert outcome.error is not None
    assert outcome.error["name"] == "ModuleNotFoundError"


def test_what_is_installed_by_hand_lasts_and_is_repeated_elsewhere(
    machine: Machine, bench: Bench, project: Project, tmp_path: Path
) -> None:
    assert bench.remote(_pip("install", "idna==3.7", "six==1.16.0")).error is None
    assert project.lines == ("idna==3.7", "six==1.16.0")
    assert any("kept for this project" in note for note in bench.front_end.notes)
    # the cell that goes on to use it is not told that it was installed
    bench.front_end.notes.clear()
    assert bench.remote("import idna, six").error is None
    assert not [note for note in bench.front_end.notes if "▸ installed" in note]
    elsewhere = Project(tmp_path / "other", project.lines)
    elsewhere.folder.mkdir()
    other = machine.bench(elsewhere)
    other.remote("import idna, six\nprint(idna.__version__, six.__version__)")
    assert other.front_end.text() == "3.7 1.16.0\n"
    # and what is removed by hand is gone for good
    bench.remote(_pip("uninstall", "-y", "six"))
    assert list(project.lines) == ["idna==3.7"]
    assert any("six: no longer kept" in note for note in bench.front_end.notes)


def test_code_of_that_machine_alone_is_told_and_not_repeated(
    bench: Bench, project: Project, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "pyproject.toml").write_text('[project]\nname = "mine"\nversion = "1"\n')
    (code / "mine.py").write_text("")
    bench.remote(_pip("install", "-e", str(code)))
    assert project.lines == ()
    assert any("code of that machine alone" in note for note in bench.front_end.notes)


def test_two_notebooks_of_a_project_share_an_environment(
    machine: Machine, bench: Bench, project: Project
) -> None:
    other = machine.bench(project)
    code = "import sys\nprint(sys.prefix)"
    assert bench.remote(code).error is None
    assert other.remote(code).error is None
    assert bench.front_end.text() == other.front_end.text()
    # What one installs the other's kernel does not take for its own doing.
    bench.remote("import pandas")
    other.remote("pass")
    assert project.lines == ()


def test_a_machine_without_internet_is_brought_packages(
    tmp_path: Path, cache: Path, project: Project
) -> None:
    nowhere = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}
    with opened(tmp_path / "ssh", cache, **nowhere) as machine:
        bench = machine.bench(project)
        assert bench.remote("import numpy\nprint(numpy.__version__)").error is None
        assert bench.front_end.text() == f"{numpy.__version__}\n"
        said = [step.what for step in machine.steps]
        assert any(what.startswith("sending carried/") for what in said)
        machine.steps.clear()
        bench.remote("import pandas")
        sent = [step for step in machine.steps if step.what.startswith("sending carried/")]
        assert sent[-1].done == sent[-1].total < 30_000_000  # what is there is not sent again


def test_a_torch_of_the_image_is_used_and_the_image_left_alone(
    tmp_path: Path, cache: Path, project: Project
) -> None:
    torch = pytest.importorskip("torch")
    image = Path(sys.prefix)
    site = Path(torch.__file__).parents[1]
    before = site.stat().st_mtime_ns
    with opened(tmp_path / "ssh", cache, PATH=f"{image}/bin:/usr/bin:/bin") as machine:
        bench = machine.bench(project)
        code = "import sys, torch\nprint(torch.__file__, sys.prefix)\nx = torch.ones(3)"
        assert bench.remote(code).error is None
        where, prefix = bench.front_end.text().split()
        assert where == torch.__file__
        assert prefix.startswith(str(machine.base))
        assert bench.remote(_pip("install", "idna==3.7")).error is None
    assert site.stat().st_mtime_ns == before


def _pip(*words: str) -> str:
    """A cell that does what `%pip` does, in plain Python."""
    command = ["-m", "pip", *words, "-q"]
    return f"import subprocess, sys\nsubprocess.run([sys.executable, *{command!r}], check=True)"


def test_without_an_index_here_the_packages_stay_and_the_cell_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.remote("pass")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    assert bench.remote("print('runs')\ntry: import blake3\nexcept ImportError: pass").error is None
    assert bench.front_end.text() == "runs\n"
    assert [n for n in bench.front_end.notes if "the packages stay as they are" in n]


@pytest.mark.slow
@pytest.mark.parametrize("internet", [True, False])
def test_the_agents_python_may_be_another_than_the_notebooks(
    tmp_path: Path, cache: Path, project: Project, internet: bool
) -> None:
    """The notebook's is there too, but not on PATH: the look finds it, and nothing is fetched."""
    newer = _newer_python()
    variables = {} if internet else {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}
    path = f"{tools_without_python(tmp_path)}:{newer.parent}"
    with opened(tmp_path / "ssh", cache, PATH=path, **variables) as machine:
        pyenv = machine.host.home / ".pyenv" / "versions" / "ours" / "bin"
        pyenv.mkdir(parents=True)
        (pyenv / "python3").symlink_to(Path(sys.executable).resolve())
        bench = machine.bench(project)
        assert (
            bench.remote("import sys\nx = [bytes(2_000_000), sys.version_info[:2]]").error is None
        )
        bench.session.fetch(["x"])
        assert bench.names["x"] == [bytes(2_000_000), sys.version_info[:2]]
        agents = {line.split()[0] for line in _commands("agent/launch.py", str(machine.base))}
        assert [Path(one).name for one in agents] == [newer.name]
        fetched = ("fetching Python", "sending Python")
        assert [step for step in machine.steps if step.what.startswith(fetched)] == []


def _newer_python() -> Path:
    """An interpreter of a later minor version than ours, or a reason to skip."""
    for minor in range(13, sys.version_info[1], -1):
        pyenv = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python3.{minor}"))
        if pyenv:
            return pyenv[-1]
    pytest.skip("left out: there is no newer Python on this computer")


def _commands(*words: str) -> list[str]:
    """The command lines of processes that have all of some words."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if all(word in line for word in words):
                found.append(line)
    return found


@pytest.mark.slow
def test_where_the_python_cannot_be_had_the_nearest_one_serves_and_is_told(
    tmp_path: Path, cache: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = _newer_python()
    version = newer.name.removeprefix("python")
    empty = tmp_path / "empty.json"
    empty.write_text("{}")
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", empty.as_uri())
    tools = tools_without_python(tmp_path)
    variables = {"PATH": f"{tools}:{newer.parent}", "UV_PYTHON_DOWNLOADS": "never"}
    with opened(tmp_path / "ssh", cache, **variables) as machine:
        bench = machine.bench(project)
        bench.remote("import sys\nprint(*sys.version_info[:2], sep='.')")
        assert bench.front_end.text() == f"{version}\n"
        (line,) = [note for note in bench.front_end.notes if "which this notebook runs" in note]
        assert f'environment_python = "{version}"' in line
        here = (sys.version_info[0], sys.version_info[1])
        asked = machine.bench(project, version=here)
        with pytest.raises(NeedsPythonError, match="neither there nor here"):
            asked.remote("pass")


def tools_without_python(folder: Path) -> Path:
    """Return a folder of this computer's programs but for its interpreters."""
    tools = folder / "tools"
    tools.mkdir()
    for program in (*Path("/bin").iterdir(), *Path("/usr/bin").iterdir()):
        if not program.name.startswith("python") and not (tools / program.name).is_symlink():
            (tools / program.name).symlink_to(program)
    return tools


@pytest.mark.slow
def test_a_machine_that_lacks_the_python_is_brought_it(
    tmp_path: Path, cache: Path, project: Project, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = _newer_python()
    listed = test_carried_python.list_download(mirror, mirror.as_uri())
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", listed.as_uri())
    tools = tools_without_python(tmp_path)
    with opened(tmp_path / "ssh", cache, PATH=f"{tools}:{newer.parent}") as machine:
        bench = machine.bench(project)
        code = "import sys\nprint(sys.version_info[:2], sys.base_prefix)"
        assert bench.remote(code).error is None
        version, base = bench.front_end.text().strip().rsplit(" ", 1)
        assert version == str(sys.version_info[:2])
        assert base.startswith(f"{machine.base}/pythons/")
        said = [step.what for step in machine.steps]
        assert any(what.startswith("sending Python") for what in said)


def test_what_is_installed_here_later_follows(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site-packages"
    monkeypatch.syspath_prepend(str(site))

    def install(version: str) -> None:
        shutil.rmtree(site, ignore_errors=True)
        info = site / f"six-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: six\nVersion: {version}\n")
        (info / "RECORD").write_text("six.py,,\n")
        (site / "six.py").write_text("")

    install("1.16.0")
    code = "import six\nfrom importlib.metadata import version\nprint(version('six'))"
    bench.remote(code)
    assert bench.front_end.text() == "1.16.0\n"
    install("1.15.0")
    bench.remote(code)
    assert bench.front_end.text() == "1.15.0\n"
    assert any("installed six 1.15.0" in note for note in bench.front_end.notes)
