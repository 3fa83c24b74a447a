"""The help texts of both magics, made from the tables that the parser reads."""

from __future__ import annotations

from jupyter_remote_gpu.machines import flags
from jupyter_remote_gpu.machines.gpus import FLAGS as GPU_FLAGS

from . import data_flags
from .verb_table import BY_NAME, FILE_FLAGS, VERBS, Verb

_CELL_EXAMPLES = (
    ("%%remote_gpu", "run this cell in the second Python"),
    ("%%remote_gpu --timeout 30m", "and stop it after half an hour"),
    ("%%remote_gpu --machine gpu-box", "run it on a machine that was added"),
    ("%%remote_gpu --attach", "show the run that this notebook left"),
)


def cell_help() -> str:
    """Return the text that `%%remote_gpu?` and `%%remote_gpu --help` show."""
    lines = [
        "Run this cell in a persistent Python on a machine: the embedded one, a second",
        "Python on this computer, or any that ssh reaches (%remote_gpu add NAME HOST).",
        "",
        "What the cell reads is there; what it makes is here when you read it. Output,",
        "plots, widgets, input() and the stop button work as in any cell.",
        "",
        "Examples",
        *_columns(_CELL_EXAMPLES),
    ]
    for group, title in flags.GROUPS.items():
        rows = [(flag.usage, _summary(flag)) for flag in flags.FLAGS if flag.group == group]
        lines += ["", title, *_columns(rows)]
        if group == "gpu":
            lines += ["  GPUs by name, as in --a100 or --4x3090:", *_wrapped(GPU_FLAGS)]
    lines += ["", "* understood, but not in this version: the cell is then refused, not run."]
    lines += ["", "%remote_gpu help lists what else can be done with machines."]
    return "\n".join(lines)


def line_help(verb: str = "") -> str:
    """Return the text of `%remote_gpu help`, or of `%remote_gpu help VERB`.

    `verb` must be one of the table's; the parser has seen to that.
    """
    if verb:
        return _verb_help(BY_NAME[verb])
    return "\n".join(
        [
            "%remote_gpu VERB: look after the machines that remote cells run on.",
            "",
            *_columns([(one.usage, one.summary) for one in VERBS]),
            "",
            "%remote_gpu help VERB says more; %%remote_gpu? is the help on remote cells.",
        ]
    )


def _verb_help(verb: Verb) -> str:
    lines = [f"%remote_gpu {verb.usage}: {verb.summary}.", "", verb.explanation, "", "Examples"]
    lines += [f"  {example}" for example in verb.examples]
    if verb.flags:
        every = (*FILE_FLAGS.values(), *data_flags.FLAGS, *flags.FLAGS)
        rows = [(flag.usage, flag.summary) for flag in every if flag.name in verb.flags]
        lines += ["", "Flags", *_columns(rows)]
    return "\n".join(lines)


def _summary(flag: flags.Flag) -> str:
    return flag.summary if flag.available else f"{flag.summary} *"


def _columns(rows: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> list[str]:
    width = max(len(left) for left, _ in rows)
    return [f"  {left:<{width}}  {right}" for left, right in rows]


def _wrapped(words: tuple[str, ...], width: int = 76) -> list[str]:
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else f"    {word}"
    return lines
