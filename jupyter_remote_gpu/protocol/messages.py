"""What client and agent say to each other: one frozen value a message.

A message becomes one frame: its fields are the JSON head (`t` names the
message, `b` lists the lengths of its blobs), its blobs the payload. `decode`
checks names and types, so the code behind it meets only well-formed values.
A request carries a number that its answer (`Done` or `Failed`) repeats.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from jupyter_remote_gpu.errors import ProtocolError

from . import bounded_json, frames
from .frames import Buffer, Frame

MAX_BLOBS = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Base of all messages; `blobs` travel behind the head as raw bytes."""

    tag: ClassVar[str] = ""
    flags: ClassVar[int] = 0
    blobs: tuple[Buffer, ...] = ()

    def encode(self) -> list[Buffer]:
        """Return the buffers of this message's frame; blobs are not copied."""
        head: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        head["t"] = self.tag
        blobs = head.pop("blobs")
        if blobs:
            head["b"] = [b.nbytes if isinstance(b, memoryview) else len(b) for b in blobs]
        text = json.dumps(head, separators=(",", ":")).encode()
        return frames.encode(text, blobs, flags=self.flags)


_M = TypeVar("_M", bound=type[Message])
_KINDS: dict[str, type[Message]] = {}
_TYPES: dict[str, dict[str, tuple[type, ...]]] = {}


def message(tag: str) -> Callable[[_M], _M]:
    """Enter a class under its wire name and note which types its fields take."""

    def enter(cls: _M) -> _M:
        cls.tag = tag
        hints = typing.get_type_hints(cls)
        _KINDS[tag] = cls
        _TYPES[tag] = {f.name: _accepted(hints[f.name]) for f in fields(cls) if f.name != "blobs"}
        return cls

    return enter


def _accepted(hint: Any) -> tuple[type, ...]:
    if isinstance(hint, types.UnionType):
        return tuple(t for part in typing.get_args(hint) for t in _accepted(part))
    kind: type = typing.get_origin(hint) or hint
    return (int, float) if kind is float else (kind,)


def decode(frame: Frame) -> Message:
    """Return the message in a frame; ProtocolError names what is wrong with it."""
    head = bounded_json.loads(frame.head, "a message's head")
    if not isinstance(head, dict):
        raise ProtocolError("a message's head is not an object")
    tag = head.pop("t", None)
    lengths = head.pop("b", [])
    cls = _KINDS.get(tag) if isinstance(tag, str) else None
    if cls is None:
        raise ProtocolError(f"unknown message {tag!r:.100}")
    expected = _TYPES[cls.tag]
    for name, value in head.items():
        kinds = expected.get(name)
        if kinds is None:
            raise ProtocolError(f"message {tag!r} has no field {name!r:.100}")
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ProtocolError(f"field {name!r} of message {tag!r} has the wrong type")
    try:
        return cls(**head, blobs=_cut(lengths, frame.payload))
    except TypeError as error:
        raise ProtocolError(f"message {tag!r} is incomplete: {error}") from error


def _cut(lengths: Any, payload: memoryview) -> tuple[memoryview, ...]:
    whole = isinstance(lengths, list) and all(type(n) is int and n >= 0 for n in lengths)
    if not whole or len(lengths) > MAX_BLOBS or sum(lengths) != len(payload):
        raise ProtocolError("the blobs of a message do not fill its payload")
    blobs = []
    at = 0
    for length in lengths:
        blobs.append(payload[at : at + length])
        at += length
    return tuple(blobs)


# -- greeting -----------------------------------------------------------------------------------


@message("hello")
@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(Message):
    """First message of a client. `line` names a kernel whose state line is wanted."""

    protocol: int
    version: str
    token: str = field(repr=False)
    client: str
    line: str | None = None


@message("welcome")
@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome(Message):
    """The agent accepts; `machine` holds facts about it (name, user, Python, GPUs)."""

    protocol: int
    version: str
    machine: dict[str, Any]


@message("refused")
@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Message):
    """The agent ends the connection; `kind` is `version`, `token` or `kernel`."""

    kind: str
    message: str
    protocol: int
    version: str


# -- answers ------------------------------------------------------------------------------------


@message("done")
@dataclass(frozen=True, slots=True, kw_only=True)
class Done(Message):
    """A request was carried out; `result` depends on the request."""

    request: int
    result: dict[str, Any]


@message("failed")
@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Message):
    """A request was not carried out; `kind` is the error class's name."""

    request: int
    kind: str
    message: str
    hint: str | None = None


# -- kernels ------------------------------------------------------------------------------------


@message("open_kernel")
@dataclass(frozen=True, slots=True, kw_only=True)
class OpenKernel(Message):
    """Start a kernel. Answer: its description.

    `notebook` says whose it is, `python` the interpreter's path ("" for the
    agent's own), `folder` the working directory, `environ` additions to the
    agent's environment. With a `workspace`, that workspace's environment is the
    kernel's, `python` is not looked at, and `folder` is below its project.
    """

    request: int
    notebook: str
    python: str
    folder: str
    environ: dict[str, str]
    workspace: str = ""


@message("list_kernels")
@dataclass(frozen=True, slots=True, kw_only=True)
class ListKernels(Message):
    """Ask for the descriptions of all kernels (`result["kernels"]`)."""

    request: int


@message("stop_kernel")
@dataclass(frozen=True, slots=True, kw_only=True)
class StopKernel(Message):
    """End a kernel; answered when its process is gone."""

    request: int
    kernel: str


@message("interrupt")
@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupt(Message):
    """Send SIGINT to a kernel and its children, as a terminal's Ctrl-C would."""

    request: int
    kernel: str


@message("status")
@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Message):
    """Ask for the machine's state: kernels, memory, disk, GPUs."""

    request: int


@message("ping")
@dataclass(frozen=True, slots=True, kw_only=True)
class Ping(Message):
    """Ask for an empty `Done`, to see that the other end lives."""

    request: int


# -- workspaces ---------------------------------------------------------------------------------


@message("open_workspace")
@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWorkspace(Message):
    """Make a workspace's folders, or find them as they were left.

    `version` is the Python wanted ("3.11"), `over` an interpreter of the machine
    whose packages are used too ("" for none): each pair has an environment of its
    own. Answer: `folder` (the project's, on the machine), `python` (the
    environment's interpreter, "" while there is none), `digests` (of the locks that
    the environment holds), `provided` ({name: version} of what `over` has).
    """

    request: int
    workspace: str
    version: str
    over: str = ""


@message("build_environment")
@dataclass(frozen=True, slots=True, kw_only=True)
class BuildEnvironment(Message):
    """See to it that a workspace's environment holds what a lock names.

    `lock` is the text of a pylock.toml, `digest` its name and `packages` its
    {name: version}; `interpreter` is the one to build with, if the machine cannot
    know it: a path, or a version ("3.11") that the machine may fetch; `arguments` are
    uv's. `carried` is a folder below the agent's base with files for uv's cache, `part`
    one with the agent's packages for that Python; both were brought by the client.
    Packages that are there besides stay. Tells steps; answered as `OpenWorkspace` is.
    Repeated, it is done once.
    """

    request: int
    workspace: str
    version: str
    lock: str
    digest: str
    packages: dict[str, Any]
    over: str = ""
    interpreter: str = ""
    carried: str = ""
    part: str = ""
    arguments: list[str] = field(default_factory=list)


@message("remains")
@dataclass(frozen=True, slots=True, kw_only=True)
class Remains(Message):
    """Ask what lies on the machine (`result["items"]`); looks at every file, tells steps.

    An item: `item` (what `Clean` takes), `kind`, `name`, `bytes`, `used` (seconds
    since the epoch, 0 if unknown), `by` (ids of the kernels that use it).
    """

    request: int


@message("clean")
@dataclass(frozen=True, slots=True, kw_only=True)
class Clean(Message):
    """Free items that `Remains` named (`result`: `freed` bytes, `kept`: {item: why})."""

    request: int
    items: list[str]


@message("told")
@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Message):
    """A step of a request that is being carried out, as `protocol.steps.Step` has it."""

    request: int
    what: str
    done: int = 0
    total: int = 0


# -- runs ---------------------------------------------------------------------------------------


@message("run")
@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Message):
    """Run a cell. `run` is the client's id for it; repeated, it is run once.

    `count` is the cell's number in the notebook, `parent` the header of the
    front end's request, `stdin` whether it can answer `input()`, `state` and
    the blobs the `Begin` of `protocol.state`.
    Answered once the kernel has it; the outcome is in the journal.
    """

    request: int
    kernel: str
    run: str
    source: str
    count: int
    parent: dict[str, Any]
    stdin: bool
    state: dict[str, Any]


@message("follow")
@dataclass(frozen=True, slots=True, kw_only=True)
class Follow(Message):
    """Send the kernel's journal from the event behind number `after`, and go on."""

    request: int
    kernel: str
    after: int


@message("events")
@dataclass(frozen=True, slots=True, kw_only=True)
class Events(Message):
    """Journal records as they lie in the file; the one blob holds whole frames."""

    kernel: str


@message("held")
@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Message):
    """The machine's disk is full, and `bytes` of a kernel's output wait for room; 0: no more."""

    kernel: str
    bytes: int


@message("list_runs")
@dataclass(frozen=True, slots=True, kw_only=True)
class ListRuns(Message):
    """Ask for the records of a kernel's runs (`result["runs"]`, oldest first)."""

    request: int
    kernel: str


@message("input")
@dataclass(frozen=True, slots=True, kw_only=True)
class Input(Message):
    """What the user typed for the `input` event with number `event`; never journaled."""

    request: int
    kernel: str
    event: int
    value: str = field(repr=False)


@message("comm")
@dataclass(frozen=True, slots=True, kw_only=True)
class Comm(Message):
    """A comm message of the front end (`kind` as in Jupyter), blobs are its buffers."""

    kernel: str
    kind: str
    content: dict[str, Any]
    metadata: dict[str, Any]
    parent: dict[str, Any]


# -- the state line: client and kernel, no agent between ------------------------------------------


@message("state")
@dataclass(frozen=True, slots=True, kw_only=True)
class State(Message):
    """A request or answer of the coherence protocol; `body` is one of `protocol.state`."""

    request: int
    verb: str
    body: dict[str, Any]


@message("chunk")
@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk(Message):
    """One chunk; its blob is verified by its BLAKE3 `name`, not by the frame."""

    flags: ClassVar[int] = frames.FLAG_PAYLOAD_UNCHECKED
    name: str


@message("taken")
@dataclass(frozen=True, slots=True, kw_only=True)
class Taken(Message):
    """Word from who receives paced chunks: so many of their bytes, since the line was opened."""

    bytes: int
