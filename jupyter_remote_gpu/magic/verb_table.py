"""The verbs of `%remote_gpu`: what each takes and means. Parser and help both read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Operands = Literal["none", "some", "names", "names or expression", "expression", "verb"]


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: what may follow it, and the help on it.

    `operands` says what follows: nothing, any number of names, one or more,
    these or one expression, one expression to the end of the line, at most one
    verb. `flags` are the request flags that mean something there.
    """

    name: str
    operands: Operands
    summary: str
    explanation: str
    examples: tuple[str, ...]
    flags: frozenset[str] = frozenset({"machine", "local", "cpu"})

    @property
    def usage(self) -> str:
        """How it is written: "pull NAME…"."""
        follows = {
            "none": "",
            "some": " [NAME…]",
            "names": " NAME…",
            "names or expression": " NAME…",
            "expression": " EXPRESSION",
            "verb": " [VERB]",
        }
        return self.name + follows[self.operands]


_ASKING = frozenset({"machine", "local", "cpu", "yes"})
_NO_FLAGS: frozenset[str] = frozenset()

VERBS: tuple[Verb, ...] = (
    Verb(
        "status",
        "none",
        "the machine, its kernel, what runs there",
        "Also what a bare %remote_gpu does. Starts nothing.",
        ("%remote_gpu", "%remote_gpu status"),
    ),
    Verb(
        "names",
        "some",
        "which side holds the newest value of each name",
        "Names whose values share memory move together and are shown so. Moves nothing.\n"
        "With names behind it, all that is known of these.",
        ("%remote_gpu names", "%remote_gpu names model"),
    ),
    Verb(
        "pull",
        "names or expression",
        "bring values here now, however long it takes",
        "A cell that reads a name fetches it by itself, unless that takes very long; pull\n"
        "always does. An expression is evaluated there; its value is what the line returns.",
        (
            "%remote_gpu pull model",
            "%remote_gpu pull model losses",
            "part = %remote_gpu pull features[:1000]",
        ),
        _ASKING,
    ),
    Verb(
        "push",
        "names",
        "send values to the machine now, however long it takes",
        "A remote cell gets what it reads by itself, unless that takes very long; push\n"
        "always does.",
        ("%remote_gpu push features",),
        _ASKING,
    ),
    Verb(
        "eval",
        "expression",
        "evaluate there, and have only the result here",
        "For a part of something large: only the part travels, a copy without ties to the\n"
        "whole. All of the line behind `eval` is the expression.",
        ("%remote_gpu eval model.fc.weight.norm()", "part = %remote_gpu eval features[:1000]"),
        _NO_FLAGS,
    ),
    Verb(
        "redo",
        "names",
        "run again there the statement that chose a device here",
        'For `device = "cuda" if torch.cuda.is_available() else "cpu"` and its like, run on a\n'
        "computer without the GPU that the machine has. The name is what it says there.",
        ("%remote_gpu redo device",),
    ),
    Verb(
        "interrupt",
        "none",
        "stop the running cell; all names stay",
        "The same as the stop button while a remote cell runs.",
        ("%remote_gpu interrupt",),
    ),
    Verb(
        "restart",
        "none",
        "a fresh kernel there",
        "Values newest there are lost and named; those that are here too stay.",
        ("%remote_gpu restart",),
        _ASKING,
    ),
    Verb(
        "stop",
        "none",
        "end the kernel there",
        "The next remote cell starts them again. Values newest there are lost and named.",
        ("%remote_gpu stop",),
        _ASKING,
    ),
    Verb(
        "recover",
        "names",
        "take back the older values that are still here",
        "For names whose newest values went with their kernel.",
        ("%remote_gpu recover model",),
    ),
    Verb(
        "runs",
        "none",
        "the runs of this workspace, newest last",
        "A run is one execution of a cell, with a journal on the machine's disk.",
        ("%remote_gpu runs",),
    ),
    Verb(
        "attach",
        "none",
        "take up the Python that this notebook left running, show its last run",
        "After a restart of the notebook's kernel: its names are there again, and the output\n"
        "that was missed is shown, then what still comes, until the run ends.",
        ("%remote_gpu attach",),
    ),
    Verb(
        "allow-scripts",
        "none",
        "let scripts of a machine that is not trusted act in this page",
        "Its HTML, JavaScript and widgets (anywidget and others) then come as they are, until\n"
        "the notebook's kernel ends. Such code can do in the page whatever you can.",
        ("%remote_gpu allow-scripts",),
        _NO_FLAGS,
    ),
    Verb(
        "help",
        "verb",
        "this, or the help on one verb",
        "%%remote_gpu? shows the help on remote cells.",
        ("%remote_gpu help", "%remote_gpu help pull"),
        _NO_FLAGS,
    ),
)

BY_NAME: dict[str, Verb] = {verb.name: verb for verb in VERBS}

# Verbs agreed for later; asking for one is no mistake of the user's.
LATER: dict[str, str] = {
    "add": "adding machines reached by SSH",
    "forget": "forgetting added machines",
    "clean": "freeing what lies on added machines",
    "machines": "more machines than the embedded one",
    "data": "placing data sets on a machine",
    "sync": "following the project's files",
    "prices": "renting machines",
}
