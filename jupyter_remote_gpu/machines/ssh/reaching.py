"""The way to a machine that may have nothing of ours yet: what is missing is put there first.

A machine that is known is connected to at once, with one login. Where that
finds no agent, or one that is not of this version, the full way is gone:
look, carry what is missing, connect; in one login too.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from jupyter_remote_gpu.errors import AgentMissingError, DiskFullError
from jupyter_remote_gpu.protocol.steps import Step, Told
from jupyter_remote_gpu.transport.base import Transport
from jupyter_remote_gpu.transport.ssh.channel import SSHTarget
from jupyter_remote_gpu.transport.ssh.transport import MOST_LINES, SSHTransport

from .bundle import OWN, Bundle, bundle
from .carried_python import AGENT_PYTHON, carry_python, fetch_there
from .known_agent import KnownAgent, known_agent
from .packing import Packed, prune
from .probe import Probe, Python
from .visit import LOOK_SECONDS, Visit, look

MARGIN_BYTES = 64 << 20
TOLD_BYTES = 1 << 20


class ReachedMachine(Transport):
    """Reaches the agent of a machine by SSH, and makes the machine ready where it is not.

    `token` is what this client is admitted with there. `cache` is a folder of
    this computer that keeps what is carried. `told` gets the steps. `known` is
    what an earlier visit remembered by calling `remember`. `own` is the folder
    of this package; tests carry another version. Any thread may call any
    method; one at a time makes ready, and all may block for as long as that takes.
    """

    most_lines = MOST_LINES

    def __init__(
        self,
        target: SSHTarget,
        token: str,
        cache: Path,
        told: Told,
        known: KnownAgent | None = None,
        remember: Callable[[KnownAgent], None] | None = None,
        *,
        own: Path = OWN,
    ) -> None:
        self.token = token
        self.notes: tuple[str, ...] = ()
        self._target = target
        self._cache = cache
        self._told = told
        self._known = known
        self._remember = remember
        self._own = own
        self._way: tuple[KnownAgent, SSHTransport] | None = None
        self._found: Probe | None = None
        self._making = threading.RLock()

    @property
    def known(self) -> KnownAgent | None:
        """Where the agent is, as far as this client knows; None before the first visit."""
        return self._known

    @property
    def facts(self) -> Probe:
        """What a look at the machine found; looks if that was not done yet. Blocks then."""
        with self._making:
            if self._found is None:
                self._told(Step(f"looking at {self._target.host}"))
                visit, self._found = look(self._target)
                visit.channel.close()
            return self._found

    def connect(self) -> socket.socket:
        """Return a stream to the agent; installs and starts what is missing. Blocks.

        Raises ConnectionLostError and its kinds, AgentStartError, DiskFullError.
        """
        return self.connect_saying(b"")

    def connect_saying(self, words: bytes) -> socket.socket:
        """Do so with `words` as the first that the agent reads. See `Transport`."""
        known, broken = self._known, False
        if known is not None and self._is_ours(known):
            transport = self._transport(known)
            try:
                opened = transport.connect_saying(words)
            except AgentMissingError as missing:
                broken = missing.broken
            else:
                self.notes = transport.notes or self.notes
                return opened
        opened = self._make_ready(gone=known, broken=broken)
        with contextlib.suppress(OSError):  # it hung up, which whoever reads finds out
            opened.sendall(words)
        return opened

    def replace(self) -> None:
        """End the agent there so that the next `connect` starts this version's; kernels go on."""
        if self._known is not None:
            self._transport(self._known).replace()

    def until_reachable(self, seconds: float, given_up: threading.Event) -> bool:
        """Wait until the first computer on the way takes connections; see `Transport`."""
        if self._known is None:
            return not given_up.is_set()
        return self._transport(self._known).until_reachable(seconds, given_up)

    def carry_python(self, version: tuple[int, int]) -> str:
        """Return the path there of an interpreter of that version, brought there if need be.

        Raises AgentStartError if none can be had for the machine's platform.
        """
        with self._making:
            found = self.facts
            for python in found.pythons:
                if python.version == version and python.prefix.startswith(found.base):
                    return python.path
            with Visit(self._target) as visit:
                return carry_python(visit, found, version, self._cache, self._told).path

    def carry(self, archive: Path, folder: str) -> None:
        """Unpack a local .tar or .tar.gz as `base/folder`, whole or not at all.

        A folder that is there already stays as it is: name it by its content.
        Raises DiskFullError, AgentStartError, ConnectionLostError.
        """
        base = self._known.base if self._known is not None else self.facts.base
        with Visit(self._target) as visit:
            what = folder.removeprefix("carried/dataset-")
            what = folder if what == folder else what.rpartition("-")[0]  # data, by their name
            sent = _Sent(self._told, f"sending {what}", archive.stat().st_size)
            visit.unpack(archive, base, folder, sent)

    # -- the full way ---------------------------------------------------------------------------

    def _make_ready(self, gone: KnownAgent | None, broken: bool = False) -> socket.socket:
        """Look, carry what is missing, connect. `gone` is what was known and did not do."""
        with self._making:
            if self._known is not None and self._known != gone:
                # another thread has just made it ready
                return self._transport(self._known).connect()
            self._told(Step(f"looking at {self._target.host}"))
            visit, found = look(self._target)
            try:
                self._found = found
                python = found.python() or self._bring_python(visit, found)
                wanted = bundle(found.platform, python.version, self._own)
                self._carry_missing(visit, found, wanted, again=broken)
                known = known_agent(found, wanted, python)
                transport = self._transport(known)
                self._told(Step("starting the agent"))
                visit.channel.run(known.agent.script("connect"), seconds=LOOK_SECONDS)
            except BaseException:
                visit.channel.close()
                raise
            try:
                opened = transport.join(visit.channel)
            except AgentMissingError:
                if broken:
                    raise
                return self._make_ready(gone, broken=True)
            self.notes = (*found.notes, *transport.notes)
            self._known = known
            if self._remember is not None:
                self._remember(known)
            prune(self._cache)
            return opened

    def _bring_python(self, visit: Visit, found: Probe) -> Python:
        """Have an interpreter for the agent on a machine that has none."""
        tool = bundle(found.platform, AGENT_PYTHON, self._own)
        if tool.uv_path not in found.there:
            self._send(visit, found, tool, (tool.uv_path,))
        python = fetch_there(visit, found, f"{found.base}/{tool.uv_path}/uv", self._told)
        return python or carry_python(visit, found, AGENT_PYTHON, self._cache, self._told)

    def _carry_missing(self, visit: Visit, found: Probe, wanted: Bundle, again: bool) -> None:
        """Put what is missing of the bundle there; all of it `again` if it does not work."""
        if again:
            for path in reversed(wanted.paths):
                visit.remove(found.base, path)
        missing = tuple(path for path in wanted.paths if again or path not in found.there)
        if missing:
            self._send(visit, found, wanted, missing)

    def _send(self, visit: Visit, found: Probe, wanted: Bundle, paths: tuple[str, ...]) -> None:
        self._told(Step(f"fetching the agent for {found.platform}"))
        parts: dict[str, Packed] = {path: wanted.packed(path, self._cache) for path in paths}
        needed = sum(part.unpacked_bytes for part in parts.values()) + MARGIN_BYTES
        if found.free < needed:
            raise DiskFullError(
                f"{self._target.host} has {found.free >> 20} MB free in {found.base}, and the"
                f" agent needs {needed >> 20} MB",
                hint="Make room there, or set XDG_DATA_HOME to a folder on another disk.",
            )
        total = sum(part.archive.stat().st_size for part in parts.values())
        sent = _Sent(self._told, "sending the agent", total)
        for path, part in parts.items():
            visit.unpack(part.archive, found.base, path, sent)

    def _transport(self, known: KnownAgent) -> SSHTransport:
        """Return the one way to an agent; it knows more of the way each time it is gone."""
        if self._way is None or self._way[0] != known:
            self._way = known, SSHTransport(self._target, known.agent, self.token)
        return self._way[1]

    def _is_ours(self, known: KnownAgent) -> bool:
        """Whether what is known is what this version of the package would install."""
        return known.bundle == bundle(known.platform, known.python_version, self._own).name


class _Sent:
    """Counts what was sent and tells of it now and then."""

    def __init__(self, told: Told, what: str, total: int) -> None:
        self._told = told
        self._what = what
        self._total = total
        self._done = 0
        self._next = 0

    def __call__(self, count: int) -> None:
        self._done += count
        if self._done >= self._next or self._done == self._total:
            self._next = self._done + TOLD_BYTES
            self._told(Step(self._what, self._done, self._total))
