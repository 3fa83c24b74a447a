"""What a user is told, in numbers, when a move would take longer than he wants to wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jupyter_remote_gpu.errors import TooLongError
from jupyter_remote_gpu.protocol.state import Description
from jupyter_remote_gpu.state.loads import Load

from .summary import about_text, names_text, rate_text, size_text

About = Callable[[str], Description]
"""Tells what is known of a name's value, here or there."""

_MENTIONED_SHARE = 0.05
_SLICED = ("ndarray", "Tensor", "Parameter", "DataFrame", "Series", "list", "tuple", "str", "bytes")


class FetchGuard:
    """Refuses to fetch for a local cell, or for `asked`, an expression evaluated there."""

    def __init__(self, machine: str, about: About, asked: str = "") -> None:
        self._machine = machine
        self._about = about
        self._asked = asked

    def __call__(self, loads: Sequence[Load], total: int, rate: float) -> TooLongError:
        """Return the error: what it reads, how long that takes, what else one can do."""
        time = _time(total, rate)
        heavy = _heavy(loads)
        if self._asked:
            about = self._about(heavy[0].names[0])
            what = ", ".join(p for p in (about.type, about.text, size_text(total)) if p)
            return TooLongError(
                f"The result was not fetched from {self._machine}. It is a {what}: {time}.",
                hint="Ask for less of it, or fetch it anyway:"
                f" result = %remote_gpu pull {self._asked}",
            )
        names = [one.names[0] for one in heavy]
        what = names_text([_described(one, self._about, f"on {self._machine}") for one in heavy])
        part = _part(names[0], self._about(names[0]))
        return TooLongError(
            f"This cell was not run. It reads {what}: {time}.",
            hint=f"Run it as %%remote_gpu, fetch a part ({part}), or fetch it anyway:"
            f" %remote_gpu pull {' '.join(names)}",
        )


class SendGuard:
    """Refuses to send for a remote cell."""

    def __init__(self, machine: str, about: About) -> None:
        self._machine = machine
        self._about = about

    def __call__(self, loads: Sequence[Load], total: int, rate: float) -> TooLongError:
        """Return the error: what it needs, how long that takes, what else one can do."""
        heavy = _heavy(loads)
        what = names_text([_described(one, self._about, "here") for one in heavy])
        return TooLongError(
            f"This cell was not run. It needs {what} on {self._machine}: {_time(total, rate)}.",
            hint=f"Make {names_text([one.names[0] for one in heavy])} there, in a %%remote_gpu"
            " cell, or cut out here the part it needs; or send it anyway: %%remote_gpu --yes",
        )


class HopGuard:
    """Refuses to fetch from one machine what a cell on another one needs."""

    def __init__(self, machine: str, destination: str, about: About) -> None:
        self._machine = machine
        self._destination = destination
        self._about = about

    def __call__(self, loads: Sequence[Load], total: int, rate: float) -> TooLongError:
        """Return the error; `rate` is that of both ways together."""
        heavy = _heavy(loads)
        what = names_text([_described(one, self._about, f"on {self._machine}") for one in heavy])
        return TooLongError(
            f"This cell was not run. It needs {what} on {self._destination}, and values go from"
            f" machine to machine through this computer: {_time(total, rate)}.",
            hint=f"Run it where they are: %%remote_gpu --machine {self._machine}; or move them"
            f" anyway: %%remote_gpu --machine {self._destination} --yes",
        )


def _time(total: int, rate: float) -> str:
    return f"about {about_text(total / rate)} at {rate_text(rate)}"


def _heavy(loads: Sequence[Load]) -> list[Load]:
    """Return the components that make up most of a move, the heaviest first."""
    total = sum(one.bytes for one in loads)
    ordered = sorted(loads, key=lambda one: -one.bytes)
    return [one for one in ordered if one.bytes >= _MENTIONED_SHARE * total]


def _described(one: Load, about: About, place: str) -> str:
    """Return `features (float32 [3100000, 1024], 12.7 GB, on gpu1)`."""
    known = [about(name) for name in one.names]
    size = max(sum(d.bytes for d in known), one.bytes)
    parts = [known[0].text or known[0].type, size_text(size)]
    if one.bytes < 0.9 * size:
        parts.append(f"{size_text(one.bytes)} of it to move")
    return f"{one.name} ({', '.join([*parts, place])})"


def _part(name: str, about: Description) -> str:
    if about.type.split(".")[-1] in _SLICED:
        return f"part = %remote_gpu eval {name}[:1000]"
    return f"part = %remote_gpu eval EXPRESSION, with an expression of {name}"
