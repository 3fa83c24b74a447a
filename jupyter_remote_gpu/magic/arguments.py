"""What stands behind `%%remote_gpu` and `%remote_gpu`, parsed; nothing is run here.

The flags are those of every request (`machines.flags`), the verbs of the line
magic those of `verb_table`. The help texts are made from both tables.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, replace

from jupyter_remote_gpu.errors import NotAvailableError, RequestError, UnknownVerbError
from jupyter_remote_gpu.machines import Request, parse, split
from jupyter_remote_gpu.machines.nearest import did_you_mean, nearest

from . import data_flags
from .file_flags import FilesAsked, taken
from .verb_table import ACTIONS, BY_NAME, LATER, MEANT, Verb


@dataclass(frozen=True, slots=True)
class CellCommand:
    """A parsed `%%remote_gpu` line; with `help` set, show the help and run nothing."""

    request: Request = field(default_factory=Request)
    help: bool = False


@dataclass(frozen=True, slots=True)
class LineCommand:
    """A parsed `%remote_gpu` line.

    `names` are the operands of names, pull, push and recover, the things that clean is to
    free, the paths of kept, or the new name that add gives; `operand` is the expression of
    eval or what pull is followed by (if that is no list of names), the host of add, what
    kept is to do ("" to list), or the verb that help is wanted on ("" for all). `request`
    holds the flags, and the machine that is meant, however it was named; `files` the flags
    about files. Of data `names` are addresses, `called` the name given, and `operand` what
    else is to be done.
    """

    verb: str = "status"
    names: tuple[str, ...] = ()
    operand: str = ""
    request: Request = field(default_factory=Request)
    files: FilesAsked = field(default_factory=FilesAsked)
    called: str = ""


def parse_cell(line: str) -> CellCommand:
    """Return what the first line of a cell asks for.

    Raises RequestError or one of its kinds; nothing has happened then.
    """
    words = _words(line)
    if "--help" in words or "-h" in words:
        return CellCommand(help=True)
    first = words[0] if words else ""
    if first in BY_NAME or first in LATER:
        raise RequestError(
            f"'{first}' is a verb of the line magic %remote_gpu; this is the cell magic.",
            hint=f"Write %remote_gpu {line.strip()} in a cell of its own.",
        )
    return CellCommand(parse(words))


def parse_line(line: str) -> LineCommand:
    """Return what a `%remote_gpu` line asks for; an empty one asks for the status.

    Raises UnknownVerbError with the nearest verb, NotAvailableError for a verb
    that later versions will have, RequestError for wrong operands or flags.
    """
    name, rest = [*line.split(None, 1), "", ""][:2]
    if not name or name.startswith(("-", "#")):
        return _command(BY_NAME["status"], _words(line))
    verb = BY_NAME.get(name.lower())
    if verb is None:
        raise _unknown_verb(name)
    if verb.operands == "expression":
        return _evaluation(verb, rest)
    if verb.operands == "names or expression" and not _is_names(rest):
        return _evaluation(verb, rest)  # or paths: the namespace says which
    return _command(verb, _words(rest))


def _command(verb: Verb, words: list[str]) -> LineCommand:
    if "--help" in words or "-h" in words:
        return LineCommand("help", operand=verb.name)
    if verb.operands == "addresses":
        return _of_data(verb, words)
    files, words = taken(verb, words)
    request, operands = split(words)
    _refuse_idle_flags(verb, words)
    if verb.operands == "files put aside":
        return _put_aside(verb, request, operands, files)
    if "machine" in verb.operands:
        return replace(_of_machine(verb, request, operands), files=files)
    if verb.operands == "some" and not operands:
        return LineCommand(verb.name, request=request)
    if "names" in verb.operands or verb.operands == "some":
        return LineCommand(verb.name, names=_names(verb, operands), request=request)
    most = 0 if verb.operands == "none" else 1
    if len(operands) > most:
        raise RequestError(
            f"%remote_gpu {verb.name} does not know what to do with '{operands[most]}'.",
            hint=f"Write %remote_gpu {verb.usage}.",
        )
    operand = operands[0] if operands else ""
    if verb.name == "help" and operand and operand not in BY_NAME:
        raise _unknown_verb(operand)
    return LineCommand(verb.name, operand=operand, request=request)


def _of_data(verb: Verb, words: list[str]) -> LineCommand:
    """Return the command about data at addresses; some are commands of Kaggle's own program."""
    does, called, words = data_flags.taken(words)
    if words[:1] and words[0].lstrip("!") == "kaggle":
        return LineCommand(verb.name, (shlex.join(words),), does, called=called)
    request, addresses = split(words)
    _refuse_idle_flags(verb, words)
    if called and len(addresses) != 1:
        raise RequestError("--as gives one name to one address.", hint="Name them one by one.")
    return LineCommand(verb.name, addresses, does, request, called=called)


def _of_machine(verb: Verb, request: Request, operands: tuple[str, ...]) -> LineCommand:
    """Return the command of a verb that is followed by a machine."""
    first, rest = operands[:1], operands[1:]
    if verb.operands == "machine and host":
        if len(operands) != 2:
            raise _wrong_count(verb, operands[2:3], "a name and a host")
        return LineCommand(verb.name, names=first, operand=rest[0], request=request)
    if verb.operands != "machine" and not first:
        raise _wrong_count(verb, (), "a machine's name")
    if verb.operands != "machine and items" and rest:
        raise _wrong_count(verb, rest, "")
    if first and request.machine is not None:
        raise RequestError(
            f"'{first[0]}' and --machine {request.machine} both say which machine.",
            hint="Keep one of them.",
        )
    if first and (request.local or request.cpu):
        raise RequestError(f"'{first[0]}' and a flag both say which machine.", hint="Keep one.")
    if first:
        request = replace(request, machine=first[0])
    return LineCommand(verb.name, names=rest, request=request)


def _put_aside(
    verb: Verb, request: Request, operands: tuple[str, ...], files: FilesAsked
) -> LineCommand:
    """Return the command for files that wait: which of them, and what is to become of them."""
    what = operands[0] if operands and operands[0] in ACTIONS else ""
    paths = operands[1:] if what else operands
    if what and not paths and not files.everything:
        raise RequestError(
            f"%remote_gpu {verb.name} {what} needs a path, or --all.",
            hint=f"`%remote_gpu {verb.name}` lists what waits.",
        )
    return LineCommand(verb.name, paths, what, request, files)


def parse_paths(text: str) -> LineCommand:
    """Return what `pull` asks for if it is followed by paths; raises as `parse_line`."""
    words = _words(text)
    verb = BY_NAME["pull"]
    request, paths = split(words)
    _refuse_idle_flags(verb, words)
    return LineCommand(verb.name, paths, request=request)


def _wrong_count(verb: Verb, extra: tuple[str, ...], needed: str) -> RequestError:
    if extra:
        text = f"%remote_gpu {verb.name} does not know what to do with '{extra[0]}'."
    else:
        text = f"%remote_gpu {verb.name} needs {needed}."
    return RequestError(text, hint=f"Write %remote_gpu {verb.usage}.")


_NAMES_AND_FLAGS = re.compile(r"[\w\s,]*(--?\w.*)?(#.*)?")


def _is_names(text: str) -> bool:
    """Say whether a text is a list of names (with flags), rather than an expression of them."""
    found = _NAMES_AND_FLAGS.fullmatch(text)
    if found is None:
        return False
    words = re.findall(r"\w+", text[: found.start(1)] if found[1] else text)
    return all(word.isidentifier() for word in words)


def _evaluation(verb: Verb, text: str) -> LineCommand:
    expression = text.strip()
    if expression in ("--help", "-h"):
        return LineCommand("help", operand=verb.name)
    if not expression:
        raise RequestError(
            f"%remote_gpu {verb.name} needs an expression and has none.",
            hint=f"Write for example: part = %remote_gpu {verb.name} features[:1000]",
        )
    return LineCommand(verb.name, operand=expression)


def _names(verb: Verb, operands: tuple[str, ...]) -> tuple[str, ...]:
    names = [name for word in operands for name in word.split(",") if name]
    if not names:
        raise RequestError(
            f"%remote_gpu {verb.name} needs at least one name and has none.",
            hint=f"Write %remote_gpu {verb.usage}.",
        )
    for name in names:
        if not name.isidentifier():
            raise RequestError(
                f"%remote_gpu {verb.name} takes whole names, and '{name}' is none.",
                hint="For a part of a value there: part = %remote_gpu eval features[:1000]",
            )
    return tuple(dict.fromkeys(names))


def _refuse_idle_flags(verb: Verb, words: list[str]) -> None:
    """Refuse a flag that would silently do nothing with this verb."""
    for word in words:
        if word == "--":
            return
        if word.startswith(("-o", "-p", "-i", "-J", "-l")) and "option" not in verb.flags:
            raise RequestError(
                f"{word} says nothing to %remote_gpu {verb.name}.",
                hint="Options for ssh are given when a machine is added.",
            )
        flag = word[2:].partition("=")[0].lower().replace("_", "-")
        if word.startswith("--") and flag not in verb.flags:
            known = ", ".join(f"--{name}" for name in sorted(verb.flags)) or "no flags"
            raise RequestError(
                f"{word} says nothing to %remote_gpu {verb.name}.", hint=f"It takes {known}."
            )


def _unknown_verb(name: str) -> RequestError | NotAvailableError:
    if name in LATER:
        return NotAvailableError(
            f"%remote_gpu {name} is not in this version: {LATER[name]} is still to come.",
            hint="%remote_gpu help lists what there is.",
        )
    meant = MEANT.get(name.lower())
    close = [meant] if meant else nearest(name, BY_NAME)
    known = "Verbs are " + ", ".join(BY_NAME) + "."
    return UnknownVerbError(f"%remote_gpu has no verb '{name}'.", hint=did_you_mean(close) or known)


# A `#` begins a comment only at the start of a word: `https://…#sha256=` is none.
_QUOTED_OR_COMMENT = re.compile(r"""\\.|"(?:\\.|[^"\\])*"|'[^']*'|(?<!\S)(#.*)""")


def _words(line: str) -> list[str]:
    """Return the words of a line, quotes taken off, without a comment at its end."""
    for found in _QUOTED_OR_COMMENT.finditer(line):
        if found.group(1) is not None:
            line = line[: found.start()]
            break
    try:
        return shlex.split(line)
    except ValueError as error:
        raise RequestError(
            f"The line `{line.strip()}` could not be read: {str(error).lower()}.",
            hint="Close the quotation, or put a backslash before a single quote sign.",
        ) from None
