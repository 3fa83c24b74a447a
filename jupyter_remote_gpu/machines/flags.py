"""The flags of a request: what each is called, what it takes, what it means.

The parser, the help texts and the messages about mistakes all read this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["place", "gpu", "run", "add", "files"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: `--name`, or `--name VALUE` where `value` names what it takes.

    `available` is False while this version can only understand it: asking for
    it is answered with NotAvailableError. A `repeated` one may be given again.
    """

    name: str
    group: Group
    summary: str
    value: str | None = None
    available: bool = False
    repeated: bool = False

    @property
    def usage(self) -> str:
        """How it is written: "--machine NAME"."""
        return f"--{self.name}" if self.value is None else f"--{self.name} {self.value}"


GROUPS: dict[Group, str] = {
    "place": "Which machine",
    "gpu": "A rented GPU",
    "run": "How the cell runs",
}
"""The groups that mean something to a cell, with their headings."""

FLAGS: tuple[Flag, ...] = (
    Flag("local", "place", "the embedded machine: a second Python here", available=True),
    Flag("cpu", "place", "a machine without a GPU; the embedded one serves", available=True),
    Flag("machine", "place", "the machine of that name", "NAME", available=True),
    Flag("gpu", "gpu", "so many of a GPU, spelled as below: 4x3090, a100:2, h100-80gb", "GPU"),
    Flag("count", "gpu", "how many GPUs, where the name does not say", "N"),
    Flag("vram", "gpu", "at least so many GB of memory a GPU", "GB"),
    Flag("max-price", "gpu", "at most so many US dollars an hour", "USD"),
    Flag("spot", "gpu", "a cheaper machine that its owner may take back"),
    Flag("name", "gpu", "what the rented machine is to be called", "NAME"),
    Flag("datasets", "run", "data that the machine is to have first", "REF[,REF…]", True),
    Flag("detach", "run", "go on without the notebook"),
    Flag("timeout", "run", "stop the cell after that time: 90, 90s, 10m, 1h30m", "TIME", True),
    Flag("attach", "run", "show the run this notebook left; the cell is not run", available=True),
    Flag("yes", "run", "go on where a question would be asked", available=True),
    Flag("trusted", "add", "the machine is your own: pickles may come back", available=True),
    Flag("offline", "add", "remember the machine though it cannot be reached now", available=True),
    Flag(
        "option",
        "add",
        "an option for ssh such as ProxyJump=gate; also -o, also several",
        "SSHOPTION",
        available=True,
        repeated=True,
    ),
)

BY_NAME: dict[str, Flag] = {flag.name: flag for flag in FLAGS}
