"""The verbs of `%remote_gpu`: what each takes and means. Parser and help both read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jupyter_remote_gpu.machines.flags import Flag

Operands = Literal[
    "none",
    "some",
    "names",
    "names or expression",
    "expression",
    "verb",
    "addresses",
    "machine",
    "one machine",
    "machine and items",
    "machine and host",
    "files put aside",
]


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: what may follow it, and the help on it.

    `operands` says what follows: nothing, any number of names, one or more,
    these or one expression or paths, one expression to the end of the line, at
    most one verb, any number of addresses of data, at most one machine, exactly
    one, one with things that lie there, a new name with a host, what is to become
    of which files. `flags` are those of requests, of `FILE_FLAGS` and of
    `data_flags`, that mean something there.
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
            "names or expression": " NAME… or PATH…",
            "expression": " EXPRESSION",
            "verb": " [VERB]",
            "addresses": " [ADDRESS…]",
            "machine": " [MACHINE]",
            "one machine": " MACHINE",
            "machine and items": " MACHINE [ITEM…]",
            "machine and host": " NAME HOST",
            "files put aside": " [ACTION] [PATH…]",
        }
        return self.name + follows[self.operands]


_ASKING = frozenset({"machine", "local", "cpu", "yes"})
_NO_FLAGS: frozenset[str] = frozenset()

ACTIONS = ("accept", "reject")
"""What can be done with files that were put aside."""
FILE_FLAGS: dict[str, Flag] = {
    flag.name: flag
    for flag in (
        Flag("dry-run", "files", "list what would happen, and do nothing", available=True),
        Flag("allow", "files", "let this large file travel, from now on", "PATH", True, True),
        Flag("all", "files", "every file: lists are not shortened", available=True),
        Flag("diff", "files", "show how they differ from what is here", available=True),
    )
}
"""What is said to the verbs of files alone, and to no cell."""

VERBS: tuple[Verb, ...] = (
    Verb(
        "status",
        "machine",
        "the notebook's machine, its kernel, what runs there",
        "Also what a bare %remote_gpu does. Starts nothing. The other machines that this\n"
        "notebook has used have a line each.",
        ("%remote_gpu", "%remote_gpu status", "%remote_gpu status gpu-box"),
    ),
    Verb(
        "add",
        "machine and host",
        "a machine that ssh reaches; makes it ready at once",
        "HOST is what you would write behind `ssh`: a name of your ~/.ssh/config, or\n"
        "user@host, or user@host:port; -p, -i, -J, -l and -o too. Nothing need be installed\n"
        "there. If it cannot be made ready, nothing is remembered, unless --offline says so.\n"
        "Without --trusted only data comes back from it.",
        (
            "%remote_gpu add gpu-box me@192.168.1.20 --trusted",
            "%remote_gpu add lab a100.example.org -o ProxyJump=gate.example.org",
        ),
        frozenset({"trusted", "offline", "option"}),
    ),
    Verb(
        "machines",
        "none",
        "all machines: their state, GPU, disk, what runs there",
        "Asks all of them at once and waits 3 s at most; one that does not answer is shown as\n"
        "it was seen last.",
        ("%remote_gpu machines",),
        _NO_FLAGS,
    ),
    Verb(
        "use",
        "machine",
        "which machine this notebook uses from now on",
        "It is remembered for this notebook. Without a name it says which it is.\n"
        "A cell's own --machine or --local goes before.",
        ("%remote_gpu use gpu-box", "%remote_gpu use embedded"),
        _NO_FLAGS,
    ),
    Verb(
        "trust",
        "one machine",
        "the machine is your own: pickles may come back from it",
        "Whoever can act there can then act here. It takes effect when the machine is used for\n"
        "the first time after the notebook's kernel has started.",
        ("%remote_gpu trust gpu-box",),
        _NO_FLAGS,
    ),
    Verb(
        "untrust",
        "one machine",
        "only data may come back from the machine",
        "It takes effect when the machine is used for the first time after the notebook's\n"
        "kernel has started.",
        ("%remote_gpu untrust gpu-box",),
        _NO_FLAGS,
    ),
    Verb(
        "clean",
        "machine and items",
        "what lies on a machine; frees what you name",
        "Without items a table of what lies there, with sizes and last use. With items, as the\n"
        "table has them, these are freed; with --yes all that nothing uses. What runs stays.",
        (
            "%remote_gpu clean gpu-box",
            "%remote_gpu clean gpu-box cache",
            "%remote_gpu clean gpu-box --yes",
        ),
        frozenset({"yes"}),
    ),
    Verb(
        "forget",
        "one machine",
        "a machine that was added; shows first what remains there",
        "Kernels that still run there are named; they go on. --yes forgets it.",
        ("%remote_gpu forget gpu-box", "%remote_gpu forget gpu-box --yes"),
        frozenset({"yes"}),
    ),
    Verb(
        "data",
        "addresses",
        "data from Kaggle, the Hub or the web, straight to the machine",
        "They lie in data/NAME beside the notebook there; Kaggle's on another computer also at\n"
        "/kaggle/input/NAME. In Python: dataset(ADDRESS), in remote and local cells. Fetched\n"
        "once, they serve all projects of the machine; sync and git leave them alone. --as NAME\n"
        "gives another name, --newest asks for a newer version, --remove NAME frees the room.\n"
        "Without an address, what lies there. What the project's settings name (datasets in\n"
        "[tool.jupyter_remote_gpu] of pyproject.toml) is there before any cell; --newest without\n"
        "an address asks for newer versions of these.",
        (
            "%remote_gpu data kaggle://clmentbisaillon/fake-and-real-news-dataset",
            "%remote_gpu data hf://datasets/rajpurkar/squad --as squad",
            "%remote_gpu data https://www.kaggle.com/competitions/titanic --newest",
            "%remote_gpu data",
            "%remote_gpu data --remove squad",
        ),
        frozenset({"machine", "local", "cpu", "as", "newest", "remove"}),
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
        "bring values, or files of the project, here now",
        "A cell that reads a name fetches it by itself, unless that takes very long; pull\n"
        "always does. An expression is evaluated there; its value is what the line returns.\n"
        "What is no name of the notebook is a path there, from the notebook's folder: a file, a\n"
        "folder, a pattern. `./model` is always a path. Files that stay there come too.",
        (
            "%remote_gpu pull model",
            "%remote_gpu pull model losses",
            "part = %remote_gpu pull features[:1000]",
            "%remote_gpu pull outputs/ 'logs/*.csv'",
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
        "sync",
        "machine",
        "make the project's files the same here and there",
        "Cells do so by themselves: what changed here is there before they run, what they\n"
        "write is here afterwards. sync waits for all of it, also for large files.\n"
        "--dry-run says of each file what would happen, and why some stay. More than the\n"
        "setting guard_gb is only sent with --yes.",
        (
            "%remote_gpu sync",
            "%remote_gpu sync --dry-run",
            "%remote_gpu sync --allow data/big.bin",
        ),
        frozenset({"machine", "dry-run", "allow", "all", "yes"}),
    ),
    Verb(
        "kept",
        "files put aside",
        "files of a machine that wait for your word: list, accept, reject",
        "From a machine that is not trusted only new data comes by itself. What would change\n"
        "your files, or can run, is put aside. `accept` puts it in its place, `reject` throws it\n"
        "away; a folder or a pattern stands for what it holds, --all for everything.",
        (
            "%remote_gpu kept",
            "%remote_gpu kept --diff",
            "%remote_gpu kept accept train.py",
            "%remote_gpu kept reject --all",
        ),
        frozenset({"machine", "diff", "all"}),
    ),
    Verb(
        "interrupt",
        "machine",
        "stop the running cell; all names stay",
        "The same as the stop button while a remote cell runs.",
        ("%remote_gpu interrupt", "%remote_gpu interrupt gpu-box"),
    ),
    Verb(
        "restart",
        "machine",
        "a fresh kernel there",
        "Values newest there are lost and named; those that are here too stay.",
        ("%remote_gpu restart",),
        _ASKING,
    ),
    Verb(
        "stop",
        "machine",
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
        "machine",
        "the runs of this notebook there, newest last",
        "A run is one execution of a cell, with a journal on the machine's disk.",
        ("%remote_gpu runs",),
    ),
    Verb(
        "attach",
        "machine",
        "take up the Python that this notebook left running, show its last run",
        "After a restart of the notebook's kernel: its names are there again, and the output\n"
        "that was missed is shown, then what still comes, until the run ends.",
        ("%remote_gpu attach",),
    ),
    Verb(
        "allow-scripts",
        "machine",
        "let scripts of a machine that is not trusted act in this page",
        "Its HTML, JavaScript and widgets (anywidget and others) then come as they are: from the\n"
        "embedded machine until the notebook's kernel ends, from one that was added until you\n"
        "`untrust` it. Such code can do in the page whatever you can.",
        ("%remote_gpu allow-scripts", "%remote_gpu allow-scripts gpu-box"),
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
    "prices": "renting machines",
}
MEANT: dict[str, str] = {
    "accept": "kept",
    "connect": "add",
    "delete": "forget",
    "download": "pull",
    "files": "sync",
    "get": "pull",
    "kernels": "machines",
    "kill": "stop",
    "list": "machines",
    "ls": "machines",
    "quarantine": "kept",
    "reconnect": "attach",
    "remove": "forget",
    "resume": "attach",
    "reject": "kept",
    "rm": "forget",
    "send": "push",
    "start": "restart",
    "switch": "use",
    "upload": "sync",
    "who": "names",
}
"""Words that others have for a verb, which do not look like it."""
