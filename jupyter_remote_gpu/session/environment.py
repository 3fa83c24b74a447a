"""A workspace on a machine of its own: its folder, and packages that follow the notebook."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from jupyter_remote_gpu.environments.installed import imported
from jupyter_remote_gpu.environments.lock import Lock, fetch_packages, make_lock
from jupyter_remote_gpu.environments.needs import Needs, needs
from jupyter_remote_gpu.environments.target import Target
from jupyter_remote_gpu.errors import (
    AgentStartError,
    EnvironmentBuildError,
    NeedsPackagesError,
    NeedsPythonError,
    PackagesError,
    RemoteGPUError,
)
from jupyter_remote_gpu.machines.ssh.bundle import bundle
from jupyter_remote_gpu.machines.ssh.known_agent import KnownAgent
from jupyter_remote_gpu.machines.ssh.probe import LATEST_PYTHON, LEAST_PYTHON
from jupyter_remote_gpu.machines.ssh.reaching import ReachedMachine
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.steps import Step, Told

from .place import Ask, Workspace
from .project import Project, recorded
from .sync import ProjectSync

ALWAYS = ("pip",)
"""What every environment has besides what the notebook needs: `%pip` must work there."""
MOST_NAMED = 3
_TORCH = re.compile(r"torch(vision|audio)?\b")
_FAILED = re.compile(
    r"Failed to (?:build|download and build) `([^`]+)`|^(\S+ \S+) could not be made"
)
"""What uv says on the machine, and `fetch_packages` here, of what does not build."""


class RemotePlace:
    """The place (`session.place.Place`) of one notebook on one machine reached by SSH.

    `name` is the workspace's, `subfolder` the notebook's folder below the project's.
    `cache` is a folder of this computer for locks and packages. With `images`, a
    Python of the machine that has torch is used through an environment over it;
    `version` is the Python wanted, this one's by default. `files` keeps the project
    the same here and there, None if it does not travel; `notes` are said once.
    """

    def __init__(
        self,
        notebook: str,
        project: Project,
        name: str,
        transport: ReachedMachine,
        cache: Path,
        told: Told,
        *,
        machine: str,
        subfolder: str = "",
        images: bool = True,
        version: tuple[int, int] | None = None,
        files: ProjectSync | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.notebook = notebook
        self.files = files
        self._project = project
        self._name = name
        self._transport = transport
        self._cache = cache
        self._told = told
        self._machine = machine
        self._subfolder = subfolder
        self._images = images
        self._exact = version is not None
        self._version = version or (sys.version_info[0], sys.version_info[1])
        self._target: Target | None = None
        self._over = ""
        self._needs: Needs | None = None
        self._held: dict[str, str] = {}
        self._by_hand: set[str] = set()  # installed by cells since packages were last chosen
        self._unbuilt: list[str] = []
        self._modules: set[str] = set()
        self._looked: set[str] = set()
        self._installed: tuple[int, ...] = ()
        self._lines: list[str] = [*notes]
        self._told_notes: set[str] = set()

    @property
    def about(self) -> tuple[str, ...]:
        """Return in a few words what the environment is: "Python 3.11", "14 packages"."""
        if self._target is None:
            return ()
        torch = self._held.get("torch") or self._target.provided.get("torch")
        packages = f"{len(self._held)} packages"
        found = (f"Python {_dotted(self._target.python)}", torch and f"torch {torch}", packages)
        return tuple(one for one in found if one)

    def open(self, ask: Ask, python: str = "") -> Workspace:
        """Make the workspace and its environment ready for a cell, told step by step.

        Where this notebook's Python can be had neither there nor here, and nobody
        asked for it by name, the nearest one that the machine has serves. While the
        environment is built the project's files go there, if there is something to run:
        nobody else has asked for them.
        """
        sources = self._look(python)
        try:
            return self._open(ask, sources, to_run=bool(python))
        except NeedsPythonError as error:
            instead = None if self._exact else self._nearest_python()
            if instead is None:
                raise
            wanted, self._version, self._exact = _dotted(self._version), instead, True
            self._lines.append(
                f"Python {_dotted(instead)} instead of {wanted}, which this notebook runs:"
                f" {error.message}. Before `%load_ext`, `%config RemoteGPU.environment_python ="
                f' "{_dotted(instead)}"` saves looking for it'
            )
            return self._open(ask, sources, to_run=bool(python))

    def _nearest_python(self) -> tuple[int, int] | None:
        """Return the version there that is nearest to the one wanted; None if there is none."""
        found = {one.version for one in self._transport.facts.pythons}
        fit = [one for one in found if LEAST_PYTHON <= one <= LATEST_PYTHON]
        return min(fit, key=lambda one: abs(one[1] - self._version[1]), default=None)

    def _open(self, ask: Ask, sources: tuple[str, ...], *, to_run: bool) -> Workspace:
        # The first look at what is installed here takes as long as a login.
        with ThreadPoolExecutor(1, "needs") as pool:
            wanted = pool.submit(self._ask_needs, sources)
            known = self._known(ask)
            self._over, version = self._choose_image(known, sources)
            found = ask(
                messages.OpenWorkspace,
                timeout=None,
                workspace=self._name,
                version=_dotted(version),
                over=self._over,
            )
            needed = wanted.result()
        self._target = Target(known.platform, version, known.driver, found["provided"])
        lock = self._lock(needed, found["python"])
        if lock is not None and lock.digest not in found["digests"]:
            with self._files_meanwhile(ask) if to_run else contextlib.nullcontext():
                found, lock = self._build_what_can_be(ask, needed, lock)
        self._keep(needed, lock)
        folder = f"{found['folder']}/{self._subfolder}".rstrip("/")
        return Workspace(self.notebook, folder, found["python"], name=self._name)

    @contextlib.contextmanager
    def _files_meanwhile(self, ask: Ask) -> Iterator[None]:
        """Have the project's files on their way there too, until the block is left."""
        if self.files is None:
            yield
            return
        self.files.use(ask)
        self.files.begin_ahead()
        try:
            yield
        except BaseException:
            self.files.stop_ahead()
            raise

    def before_cell(self, ask: Ask, python: str) -> tuple[str, ...]:
        """Bring packages that are new since the last cell; microseconds where none are."""
        known = len(self._modules)
        sources = self._look(python)
        if self._target is None:
            # The kernel was attached to: its environment is looked after from now on.
            self.open(ask, python)
            return self._say()
        if _here() == self._installed and len(self._modules) == known:
            return self._say()
        needed = self._ask_needs(sources)
        if self._needs is not None and needed.key == self._needs.key:
            return self._say()
        lock = self._lock(needed, "there")
        if lock is None:
            self._keep(needed, None)
            return self._say()
        new = [
            f"{name} {v}"
            for name, v in _asked_first(lock.packages, needed.imported)
            if self._held.get(name) != v and name not in self._by_hand
        ]
        self._by_hand.clear()
        if new:
            self._told(Step(f"installing {_named(new)}"))
            _, lock = self._build_what_can_be(ask, needed, lock)
            new = [one for one in new if one.partition(" ")[0] in lock.packages]
        if new:
            self._lines.append(f"installed {_named(new)}")
        self._keep(needed, lock)
        return self._say()

    def after_cell(self, ask: Ask, packages: dict[str, Any]) -> tuple[str, ...]:
        """Record what a cell installed or removed there, for this and other machines."""
        self._by_hand.update(packages["came"])
        before = list(self._project.extras())
        lines, said = recorded(before, packages["came"], list(packages["went"]))
        if lines != before:
            self._project.record(lines)
        return said

    # -- what is needed --------------------------------------------------------------------------

    def _look(self, python: str) -> tuple[str, ...]:
        """Take in the modules of cells that are new; return all cells, the coming one last."""
        sources = (*self._project.sources(), python)
        for source in sources:
            if source not in self._looked:
                self._looked.add(source)
                self._modules |= imported(source)
        return sources

    def _ask_needs(self, sources: Iterable[str]) -> Needs:
        self._installed = _here()
        carried = None if self.files is None else self.files.root
        return needs(self._project.folder, sources, (*self._project.extras(), *ALWAYS), carried)

    def _lock(self, needed: Needs, python: str) -> Lock | None:
        """Choose packages; None, with a line, if that fails where there is an environment to use.

        A cell then runs with the packages that are there, and fails by itself if
        it needs others.
        """
        assert self._target is not None
        try:
            return make_lock(needed, self._target, self._cache, self._told, self._unbuilt)
        except PackagesError as error:
            if not python:
                raise
            self._lines.append(f"the packages stay as they are: {error.message}")
            return None

    def _keep(self, needed: Needs, lock: Lock | None) -> None:
        self._needs = needed
        if lock is None:
            return
        self._held.update(lock.packages)
        self._lines += [note for note in lock.notes if note not in self._told_notes]
        self._told_notes.update(lock.notes)

    def _say(self) -> tuple[str, ...]:
        if not self._lines:
            return ()
        lines, self._lines = tuple(self._lines), []
        return lines

    # -- the machine -----------------------------------------------------------------------------

    def _known(self, ask: Ask) -> KnownAgent:
        """Return what is known of the machine; the first visit makes it known."""
        if self._transport.known is None:
            ask(messages.Ping, timeout=None)
        known = self._transport.known
        assert known is not None, "a machine that answers is known"
        return known

    def _choose_image(
        self, known: KnownAgent, sources: Iterable[str]
    ) -> tuple[str, tuple[int, int]]:
        """Return the interpreter to lay the environment over, or none, and its version.

        One of another version than this notebook's is taken only by notebooks that
        use torch.
        """
        fit = [one for one in known.images if known.driver is None or one.torch_build != "cpu"]
        if self._images:
            for one in fit:
                if one.version == self._version:
                    return one.path, one.version
            if fit and any(_TORCH.match(module) for module in self._modules):
                return fit[0].path, fit[0].version
        return "", self._version

    def _build_what_can_be(
        self, ask: Ask, needed: Needs, lock: Lock
    ) -> tuple[dict[str, Any], Lock]:
        """Build a lock, without what fails to build there from its source; that becomes a note."""
        assert self._target is not None
        while True:
            try:
                return self._build(ask, lock), lock
            except (EnvironmentBuildError, PackagesError) as error:
                failed = _FAILED.search(f"{error}")
                word = "" if failed is None else re.split(r"[ =@]", failed[1] or failed[2])[0]
                name = canonicalize_name(word)
                if name not in lock.packages or name in self._unbuilt:
                    raise
                self._unbuilt.append(name)
            lock = make_lock(needed, self._target, self._cache, self._told, self._unbuilt)

    def _build(self, ask: Ask, lock: Lock) -> dict[str, Any]:
        """Have the lock installed there; what the machine lacks for that is brought to it."""
        assert self._target is not None
        brought: dict[str, str] = {}
        if lock.only_here:
            folder = f"carried/{lock.digest}-local"
            brought["carried"] = self._carry(lock, folder, lock.fetchable)
        while True:
            try:
                return ask(
                    messages.BuildEnvironment,
                    timeout=None,
                    told=self._hear,
                    workspace=self._name,
                    version=_dotted(self._target.python),
                    over=self._over,
                    lock=lock.text,
                    digest=lock.digest,
                    packages=dict(lock.packages),
                    arguments=list(lock.index_arguments),
                    **brought,
                )
            except (NeedsPythonError, NeedsPackagesError) as error:  # noqa: PERF203  (four at most)
                brought.update(self._bring(error, lock, brought))

    def _hear(self, step: Step) -> None:
        """Pass on a step of the machine's; called in the loop that reads what it sends.

        `told` may raise to end the work of a cell that was stopped. Nobody waits
        for this answer any more then, and what else is read must not end with it.
        """
        with contextlib.suppress(RemoteGPUError):
            self._told(step)

    def _bring(
        self, error: RemoteGPUError, lock: Lock, brought: Mapping[str, str]
    ) -> dict[str, str]:
        """Bring what a build asked for; its error, if that was brought and did not help."""
        if isinstance(error, NeedsPythonError):
            return {"interpreter": self._python_there(brought.get("interpreter", ""), error)}
        folder = f"carried/{lock.digest}"
        if isinstance(error, NeedsPackagesError) and brought.get("carried") != folder:
            held = [f"{name}=={version}" for name, version in self._held.items()]
            return {"carried": self._carry(lock, folder, held), **self._bring_part()}
        raise error

    def _python_there(self, tried: str, error: RemoteGPUError) -> str:
        """Return the next interpreter to build with there, after `tried` did not do.

        One that a look finds, wherever it lies; the version itself, which lets the
        machine fetch it; one that is brought. Raises `error` after that.
        """
        version = self._version
        found = [one.path for one in self._transport.facts.pythons if one.version == version]
        if not tried:
            return found[0] if found else _dotted(version)
        if tried != _dotted(version):
            raise error
        try:
            return self._transport.carry_python(version)
        except AgentStartError as failed:
            raise NeedsPythonError(
                f"{self._machine} has no Python {_dotted(version)}, and it could be fetched"
                f" neither there nor here ({failed.hint or failed.message})",
                hint="The setting `environment_python` names another version that is there.",
            ) from failed

    def _carry(self, lock: Lock, folder: str, have: Collection[str] = ()) -> str:
        """Fetch packages here, but for those in `have`, and carry them to a folder there."""
        assert self._target is not None
        archive = fetch_packages(lock, self._target, self._cache, self._told, have)
        self._transport.carry(archive, folder)
        return folder

    def _bring_part(self) -> dict[str, str]:
        """Carry what our part of a kernel needs, if the agent has it for another Python only."""
        target, known = self._target, self._transport.known
        assert target is not None and known is not None
        if target.python == known.python_version:
            return {}
        needed = bundle(target.platform, target.python)
        path = f"parts/{needed.site}"
        self._transport.carry(needed.packed(path, self._cache).archive, path)
        return {"part": path}


def _asked_first(packages: Mapping[str, str], asked: Collection[str]) -> list[tuple[str, str]]:
    """Return packages in the order in which they say most: what cells import before the rest."""
    return sorted(packages.items(), key=lambda one: (one[0] not in asked, one[0]))


def _here() -> tuple[int, ...]:
    """Return a mark of the packages installed here, which changes when they do; quick."""
    return tuple(_changed(folder) for folder in sys.path if folder.endswith("-packages"))


def _changed(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _named(packages: Sequence[str]) -> str:
    """Name packages in a line: the first few, and how many they are."""
    text = ", ".join(packages[:MOST_NAMED])
    return text if len(packages) <= MOST_NAMED else f"{text}, … ({len(packages)} packages)"
