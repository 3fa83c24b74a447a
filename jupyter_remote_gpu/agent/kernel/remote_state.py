"""This kernel's half of the namespace, between the run handler and the state line."""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jupyter_remote_gpu.errors import (
    InternalError,
    ProtocolError,
    RemoteGPUError,
    StateError,
)
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.protocol.frames import Buffer
from jupyter_remote_gpu.protocol.line import Line
from jupyter_remote_gpu.protocol.state import Ask, Begin, Lacking, Offer, split_names
from jupyter_remote_gpu.state.away import Away
from jupyter_remote_gpu.state.parting import part_result

WAIT_SECONDS = 10.0
"""How long a request for values waits for a running cell to end."""


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """What goes back on the state line: one message, then chunks, `paced` ones with an end mark."""

    message: messages.Message
    chunks: Iterable[tuple[bytes, Buffer]] = ()
    paced: bool = False


class RemoteState:
    """Owns the `Away`; one user at a time: a run, or a request on the line."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._away = Away(shell.user_ns)
        self._lock = threading.Lock()
        self._drawn: tuple[str, deque[tuple[bytes, Buffer]]] = ("", deque())

    @property
    def namespaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The names and their values; and those put aside, which may come back."""
        return self._away.namespaces

    def settle(self) -> None:
        """Begin anew in the folder and with the variables that the process has now."""
        self._away = Away(self._shell.user_ns)

    @contextmanager
    def run(self) -> Iterator[None]:
        """Keep requests on the line out while a run has the namespace."""
        with self._lock:
            yield

    def arrive(
        self, fields: dict[str, Any], blobs: Sequence[Buffer], ready: Callable[[], None]
    ) -> list[str]:
        """Apply what came with a run; return the names that were sent. StateError if it cannot.

        `ready` is called before anything is imported or rebuilt.
        """
        with own_mistakes("taking over what came with the cell"):
            begin = Begin.unpack(fields, [memoryview(b) for b in blobs])
            self._away.arrive(begin, ready)
        return [name for item in begin.items for name in getattr(item, "names", ())]

    def before_run(self, source: str) -> None:
        """Note what the cell can reach; called just before it runs."""
        with own_mistakes("looking at what the cell can reach"):
            self._away.before_run()

    def after_run(self) -> tuple[dict[str, Any], list[Buffer], list[str]]:
        """Say what the cell did to the names: packed report, blobs, names bound."""
        with own_mistakes("finding out what the cell did to the names"):
            part_result(self._shell.user_ns)
            report = self._away.after_run()
            fields, blobs = report.pack()
        return fields, list(blobs), sorted(report.bound)

    def serve(self, message: messages.State, line: Line) -> LineAnswer:
        """Carry out one request of the line; called by its thread, may wait for a run."""
        verb = _VERBS.get(message.verb)
        if verb is None:
            raise ProtocolError(f"unknown request {message.verb!r} on the state line")
        with own_mistakes(f"answering {message.verb!r}"):
            return verb(self, message, line)

    @contextmanager
    def _idle(self) -> Iterator[Away]:
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            raise StateError(
                "a cell is still running on the machine, and values move only between cells",
                hint="Wait for it, or stop it with %remote_gpu interrupt.",
            )
        try:
            yield self._away
        finally:
            self._lock.release()

    def _offer(self, message: messages.State, line: Line) -> LineAnswer:
        with self._idle() as away:
            lacking = away.offer(Offer.unpack(message.body, _views(message)))
        return _answer(message, lacking)

    def _supply(self, message: messages.State, line: Line) -> LineAnswer:
        landing = self._away.landing
        if message.body.get("paced") is True:
            line.receive_paced(landing.place, landing.received)
            with self._idle() as away:
                return _answer(message, away.supplied())
        count = message.body.get("count")
        if type(count) is not int or count < 0:
            raise ProtocolError("a supply does not say how many chunks follow")
        # The chunks go into memory that no name shows yet, so no lock is needed here.
        line.receive_chunks(count, landing.destination, landing.received)
        with self._idle() as away:
            return _answer(message, away.supplied())

    def _ask(self, message: messages.State, line: Line) -> LineAnswer:
        with self._idle() as away:
            answers = away.ask(Ask.unpack(message.body, _views(message)))
        fields, blobs = answers.pack()
        return LineAnswer(_state(message, fields, blobs))

    def _pull(self, message: messages.State, line: Line) -> LineAnswer:
        with self._idle() as away:
            chunks = away.pull(split_names(b"".join(message.blobs)))
        return LineAnswer(_state(message, {"count": len(chunks)}, ()), chunks)

    def _carry(self, message: messages.State, line: Line) -> LineAnswer:
        """Take any number of chunks; several lines at once may carry those of one supply."""
        landing = self._away.landing
        line.receive_paced(landing.place, landing.received)
        return LineAnswer(_state(message, {}, ()))

    def _draw(self, message: messages.State, line: Line) -> LineAnswer:
        """Give chunks as long as there are any; several lines at once may draw on one move.

        The one that names them comes first; a line that comes late gets what is left.
        """
        move = message.body.get("move")
        if not isinstance(move, str):
            raise ProtocolError("a draw does not say on which move")
        if message.blobs:
            with self._idle() as away:
                chunks = away.pull(split_names(b"".join(message.blobs)))
            self._drawn = move, deque(chunks)
        drawn, left = self._drawn
        given = _until_empty(left) if drawn == move else ()
        return LineAnswer(_state(message, {}, ()), given, paced=True)

    def _census(self, message: messages.State, line: Line) -> LineAnswer:
        with self._idle() as away:
            fields, blobs = away.census().pack()
        return LineAnswer(_state(message, fields, blobs))

    def _release(self, message: messages.State, line: Line) -> LineAnswer:
        tokens = message.body.get("tokens")
        if not isinstance(tokens, list):
            raise ProtocolError("a release does not list its tokens")
        with self._idle() as away:
            away.release([str(token) for token in tokens])
        return LineAnswer(_state(message, {}, ()))


@contextmanager
def own_mistakes(doing: str) -> Iterator[None]:
    """Turn an exception of ours into an InternalError, so that whoever waits is told."""
    try:
        yield
    except (RemoteGPUError, OSError, EOFError):
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
        raise InternalError(
            f"{type(error).__name__}: {error}, while {doing} ({place})",
            hint="This is a mistake of jupyter_remote_gpu; please report it.",
        ) from error


def _until_empty(chunks: deque[tuple[bytes, Buffer]]) -> Iterator[tuple[bytes, Buffer]]:
    """Take chunks out one by one; others may be doing so too."""
    while True:
        try:
            chunk = chunks.popleft()
        except IndexError:
            return
        yield chunk


def _views(message: messages.Message) -> list[memoryview]:
    return [memoryview(blob) for blob in message.blobs]


def _state(
    message: messages.State, fields: dict[str, Any], blobs: Sequence[Buffer]
) -> messages.State:
    return messages.State(
        request=message.request, verb=message.verb, body=fields, blobs=tuple(blobs)
    )


def _answer(message: messages.State, lacking: Lacking) -> LineAnswer:
    fields, blobs = lacking.pack()
    return LineAnswer(_state(message, fields, blobs))


_VERBS: dict[str, Callable[[RemoteState, messages.State, Line], LineAnswer]] = {
    "offer": RemoteState._offer,
    "supply": RemoteState._supply,
    "ask": RemoteState._ask,
    "pull": RemoteState._pull,
    "carry": RemoteState._carry,
    "draw": RemoteState._draw,
    "census": RemoteState._census,
    "release": RemoteState._release,
}
