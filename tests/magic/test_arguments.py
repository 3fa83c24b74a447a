"""The lines of both magics: quotes, comments, verbs, operands, mistakes."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.errors import (
    NotAvailableError,
    RequestError,
    UnknownFlagError,
    UnknownVerbError,
)
from jupyter_remote_gpu.machines import Request, parse_gpu
from jupyter_remote_gpu.magic.arguments import (
    CellCommand,
    LineCommand,
    parse_cell,
    parse_line,
    parse_paths,
)
from jupyter_remote_gpu.magic.file_flags import FilesAsked
from jupyter_remote_gpu.magic.verb_table import BY_NAME, LATER, MEANT, VERBS


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("", CellCommand()),
        ("   # the big one", CellCommand()),
        ("--a100  # the big one", CellCommand(Request(gpu=parse_gpu("a100")))),
        ("--machine 'my box'", CellCommand(Request(machine="my box"))),
        ('--machine "a # b" # c', CellCommand(Request(machine="a # b"))),
        ("--machine a#b", CellCommand(Request(machine="a#b"))),
        (
            "--datasets https://h/f#sha256=0",
            CellCommand(Request(datasets=("https://h/f#sha256=0",))),
        ),
        ("--help", CellCommand(help=True)),
        ("--a100 -h", CellCommand(help=True)),
    ],
)
def test_cell_lines(line: str, command: CellCommand) -> None:
    assert parse_cell(line) == command


def test_an_open_quotation_is_named() -> None:
    with pytest.raises(RequestError, match="no closing quotation"):
        parse_cell("--machine 'box")


def test_a_verb_on_the_cell_magic_brings_the_line_magic() -> None:
    with pytest.raises(RequestError) as caught:
        parse_cell("restart")
    assert caught.value.hint == "Write %remote_gpu restart in a cell of its own."


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("", LineCommand("status")),
        ("# what is there?", LineCommand("status")),
        ("--machine box", LineCommand("status", request=Request(machine="box"))),
        ("status", LineCommand("status")),
        ("Interrupt", LineCommand("interrupt")),
        ("pull model", LineCommand("pull", names=("model",))),
        (
            "pull a, b,c a --yes",
            LineCommand("pull", names=("a", "b", "c"), request=Request(yes=True)),
        ),
        ("push\tx", LineCommand("push", names=("x",))),
        ("eval  d['#']  # not ours ", LineCommand("eval", operand="d['#']  # not ours")),
        ("eval --x", LineCommand("eval", operand="--x")),
        ("attach", LineCommand("attach")),
        ("attach box", LineCommand("attach", request=Request(machine="box"))),
        ("use", LineCommand("use")),
        (
            "add box me@host:22 --trusted -o Port=2 -oUser=x --option=A=b",
            LineCommand(
                "add",
                ("box",),
                "me@host:22",
                Request(trusted=True, options=("Port=2", "User=x", "A=b")),
            ),
        ),
        (
            "add box -p 2222 -i ~/.ssh/key -Jgate -l me host",
            LineCommand(
                "add",
                ("box",),
                "host",
                Request(
                    options=("Port=2222", "IdentityFile=~/.ssh/key", "ProxyJump=gate", "User=me")
                ),
            ),
        ),
        ("pull outputs/*.pt --yes", LineCommand("pull", operand="outputs/*.pt --yes")),
        ("pull 2026.csv", LineCommand("pull", operand="2026.csv")),
        ("sync box", LineCommand("sync", request=Request(machine="box"))),
        (
            "sync --dry-run --all",
            LineCommand("sync", files=FilesAsked(dry_run=True, everything=True)),
        ),
        (
            "sync --allow 'a b.bin' --allow=c.bin",
            LineCommand("sync", files=FilesAsked(allow=("a b.bin", "c.bin"))),
        ),
        ("kept", LineCommand("kept")),
        ("kept --diff a/", LineCommand("kept", ("a/",), files=FilesAsked(diff=True))),
        ("kept accept a b", LineCommand("kept", ("a", "b"), "accept")),
        ("kept reject --all", LineCommand("kept", (), "reject", files=FilesAsked(everything=True))),
        ("clean box cache x/y", LineCommand("clean", ("cache", "x/y"), "", Request(machine="box"))),
        ("help", LineCommand("help")),
        ("help pull", LineCommand("help", operand="pull")),
        ("pull --help", LineCommand("help", operand="pull")),
        ("eval --help", LineCommand("help", operand="eval")),
        ("--help", LineCommand("help", operand="status")),
    ],
)
def test_lines(line: str, command: LineCommand) -> None:
    assert parse_line(line) == command


@pytest.mark.parametrize(("line", "nearest"), [("statsu", "status"), ("pul x", "pull")])
def test_an_unknown_verb_brings_the_nearest(line: str, nearest: str) -> None:
    with pytest.raises(UnknownVerbError) as caught:
        parse_line(line)
    assert caught.value.hint is not None
    assert nearest in caught.value.hint


@pytest.mark.parametrize(("word", "meant"), MEANT.items())
def test_another_word_for_a_verb_brings_it(word: str, meant: str) -> None:
    assert meant in BY_NAME
    assert word not in BY_NAME
    with pytest.raises(UnknownVerbError) as caught:
        parse_line(f"{word} box")
    assert caught.value.hint == f"Did you mean {meant}?"


def test_a_verb_like_no_other_brings_all() -> None:
    with pytest.raises(UnknownVerbError) as caught:
        parse_line("qqq")
    assert caught.value.hint is not None
    assert all(verb.name in caught.value.hint for verb in VERBS)


@pytest.mark.parametrize("verb", LATER)
def test_a_verb_of_later_is_no_mistake(verb: str) -> None:
    for line in (f"{verb} gpu-box", f"help {verb}"):
        with pytest.raises(NotAvailableError, match=f"%remote_gpu {verb} is not in this version"):
            parse_line(line)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("pull", "needs at least one name"),
        ("push --yes", "needs at least one name"),
        ("push features[:10]", "takes whole names"),
        ("eval", "needs an expression"),
        ("status now then", "does not know what to do with 'then'"),
        ("attach 7 8", "does not know what to do with '8'"),
        ("machines 7", "does not know what to do with '7'"),
        ("status box --machine other", "both say which machine"),
        ("status box --local", "both say which machine"),
        ("add box", "needs a name and a host"),
        ("add box host more", "does not know what to do with 'more'"),
        ("trust", "needs a machine's name"),
        ("forget", "needs a machine's name"),
        ("use box --trusted", "--trusted says nothing to %remote_gpu use"),
        ("use box -o Port=22", "-o says nothing to %remote_gpu use"),
        ("use box -p 22", "-p says nothing to %remote_gpu use"),
        ("add box host -p", "-p needs a value, as ssh's own -p does"),
        ("add box -p --trusted host", "-p needs a value, as ssh's own -p does"),
        ("add box host -o", "--option needs a value"),
        ("status --a100", "--a100 says nothing to %remote_gpu status"),
        ("status --yes", "--yes says nothing to %remote_gpu status"),
        ("sync --allow", "--allow needs a value"),
        ("sync --dry-run=yes", "--dry-run takes no value"),
        ("sync --diff", "--diff says nothing to %remote_gpu sync"),
        ("sync box --dry-run lab", "does not know what to do with 'lab'"),
        ("kept accept", "needs a path, or --all"),
        ("help --yes", "--yes says nothing to %remote_gpu help"),
    ],
)
def test_a_mistake_is_named(line: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_line(line)
    assert message in caught.value.message


def test_paths_behind_pull_have_their_flags() -> None:
    assert parse_paths("outputs/ 'my plot.png' --machine box") == LineCommand(
        "pull", ("outputs/", "my plot.png"), request=Request(machine="box")
    )


def test_an_unknown_flag_on_a_line_brings_the_nearest() -> None:
    with pytest.raises(UnknownFlagError) as caught:
        parse_line("status --machien box")
    assert caught.value.hint == "Did you mean --machine NAME?"
