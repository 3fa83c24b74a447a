"""The process that makes one dataset: its job and links come on standard input, its words go out.

It lives for one dataset. What a link holds is in its memory alone, which no
other process of this user may look into, and which is in no dump.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from jupyter_remote_gpu import errors
from jupyter_remote_gpu.errors import InternalError, RemoteGPUError
from jupyter_remote_gpu.protocol.steps import Step

from . import room
from .desk import LinkDesk
from .job import job_of, link_of
from .making import Making
from .transfer import Stopped

STOPPED = 143
_SET_DUMPABLE = 4


def main() -> int:
    """Make the dataset that the first line asks for; returns the exit status."""
    _close_memory()
    mouth = _Mouth(os.dup(1))
    # whatever prints by mistake must not be taken for our words
    os.dup2(2, 1)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: _leave())
    lines = sys.stdin.buffer
    job = job_of(lines.readline())
    desk = LinkDesk(
        lambda wanted, why: mouth.say({"wanted": list(wanted), "why": why}),
        len(job.files),
        job.links_seconds,
    )
    reader = threading.Thread(target=_listen, args=(lines, desk), daemon=True)
    reader.start()
    try:
        record = Making(job, desk, mouth.tell, stop).run()
    except Stopped:
        return STOPPED
    except RemoteGPUError as error:
        mouth.fail(error)
    except OSError as error:
        if error.errno in room.FULL:
            mouth.fail(room.full(job.base, job.name, 0))
        else:
            mouth.fail(InternalError(f"fetching {job.name} failed: {error.strerror}"))
    except Exception as error:
        mouth.fail(InternalError(f"fetching {job.name} failed: {type(error).__name__}"))
        raise
    else:
        mouth.say({"record": asdict(record)})
        return 0
    return 1


class _Mouth:
    """Writes lines for the agent; an agent that is gone ends the process."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._lock = threading.Lock()

    def say(self, words: dict[str, Any]) -> None:
        data = memoryview(json.dumps(words).encode() + b"\n")
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._number, data) :]
            except BrokenPipeError:
                _leave()

    def tell(self, step: Step) -> None:
        self.say({"step": asdict(step)})

    def fail(self, error: RemoteGPUError) -> None:
        told = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
        self.say({"failed": told})


def _leave() -> None:
    """End at once, with the processes that unpack: whatever arrived is noted already."""
    if os.getpgrp() == os.getpid():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
    os._exit(STOPPED)


def _listen(lines: Any, desk: LinkDesk) -> None:
    """Take links as they come; when the agent is gone, end."""
    while line := lines.readline():
        said = json.loads(line)
        if "links" in said:
            desk.give({int(index): link_of(link) for index, link in said["links"].items()})
        elif "refused" in said:
            desk.refuse(error_of(said["refused"]))
    _leave()


def error_of(told: dict[str, Any]) -> RemoteGPUError:
    """Return the error that a line describes; one of an unknown kind is a DatasetError."""
    kind = getattr(errors, str(told.get("kind")), None)
    words: Sequence[Any] = (str(told.get("message")),)
    hint = told.get("hint")
    if isinstance(kind, type) and issubclass(kind, RemoteGPUError):
        # some want more than a message; what they mean is said in it
        with contextlib.suppress(TypeError):
            return kind(*words, hint=hint)
    return errors.DatasetError(*words, hint=hint)


def _close_memory() -> None:
    """Let no other process of this user read our memory, and no dump of it be written."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
