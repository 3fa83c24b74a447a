"""Several processes that work off a list of pieces; forked, so that nothing is loaded anew."""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Callable, Iterator
from typing import Any

from jupyter_remote_gpu import errors
from jupyter_remote_gpu.errors import InternalError, RemoteGPUError

Tell = Callable[[int], None]
"""Called by a piece of work with the bytes that it has written since."""
LOOK_MILLISECONDS = 500
_LONGEST_WORDS = 600


def work_off(count: int, work: Callable[[int, Tell], None], processes: int) -> Iterator[int]:
    """Do `work(n, tell)` for each n below `count`, and yield the bytes that were told.

    Raises the first error; the others are ended then. To be called by a process
    of one thread, which is what may be forked.
    """
    if processes <= 1 or count <= 1:
        for number in range(count):
            told: list[int] = []
            work(number, told.append)
            yield sum(told)
        return
    todo, hand_out = os.pipe()
    hear, speak = os.pipe()
    children: list[int] = []
    try:
        for _ in range(min(processes, count)):
            child = os.fork()
            if not child:
                os.close(hand_out)
                os.close(hear)
                _serve(todo, speak, work)
            children.append(child)
        yield from _lead(count, hand_out, hear, children)
    finally:
        # who has nothing to read ends by itself; who still works is not waited for
        for number in (todo, speak, hand_out, hear):
            os.close(number)
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _lead(count: int, hand_out: int, hear: int, children: list[int]) -> Iterator[int]:
    """Hand out the numbers and yield what is told, until all are done."""
    given = done = 0
    rest = b""
    waiting = select.poll()
    waiting.register(hear, select.POLLIN)
    while done < count:
        while given < min(count, done + 4 * len(children)):
            os.write(hand_out, given.to_bytes(4, "little"))
            given += 1
        if not waiting.poll(LOOK_MILLISECONDS):
            _look_after(children)
            continue
        *lines, rest = (rest + os.read(hear, 1 << 16)).split(b"\n")
        for line in lines:
            told = json.loads(line)
            if "kind" in told:
                raise _error(told)
            done += told["done"]
            yield told["bytes"]


def _look_after(children: list[int]) -> None:
    """Raise if one of them ended: none does before all work is done."""
    for child in list(children):
        if os.waitpid(child, os.WNOHANG)[0]:
            children.remove(child)
            raise InternalError(
                "a process that unpacked data was ended by the system",
                hint="Was it out of memory? Ask for the data again: what is done is kept.",
            )


def _serve(todo: int, speak: int, work: Callable[[int, Tell], None]) -> None:
    """Work until there is nothing left; never returns."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        while number := os.read(todo, 4):
            work(
                int.from_bytes(number, "little"),
                lambda count: _say(speak, {"done": 0, "bytes": count}),
            )
            _say(speak, {"done": 1, "bytes": 0})
    except RemoteGPUError as error:
        _say(speak, {"kind": type(error).__name__, "words": error.message, "hint": error.hint})
    except OSError as error:
        _say(speak, {"kind": "OSError", "words": error.strerror or "", "number": error.errno})
    except BaseException as error:
        _say(speak, {"kind": "InternalError", "words": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(0)


def _say(speak: int, told: dict[str, Any]) -> None:
    if "words" in told:
        told["words"] = told["words"][:_LONGEST_WORDS]
    # so short that the system writes it whole
    os.write(speak, json.dumps(told).encode() + b"\n")


def _error(told: dict[str, Any]) -> Exception:
    if told["kind"] == "OSError":
        return OSError(told["number"], told["words"])
    kind = getattr(errors, told["kind"])
    error: Exception = kind(told["words"], hint=told.get("hint"))
    return error
