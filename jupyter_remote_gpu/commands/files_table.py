"""What is said of files that travel, in a notebook and in a terminal. Pure; no I/O.

The tables are made here, the single lines in `session.file_words`.
"""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_remote_gpu.files.path_text import path_text
from jupyter_remote_gpu.files.plan import Do
from jupyter_remote_gpu.files.verdict import Why
from jupyter_remote_gpu.session.file_words import (
    asking_line,
    conflict_line,
    count_text,
    moved_text,
    named,
    refused_line,
    token_line,
    waiting_line,
)
from jupyter_remote_gpu.session.summary import LONGEST_LIST, seconds_text, size_text
from jupyter_remote_gpu.session.sync_report import (
    DryRun,
    Planned,
    SyncReport,
    Waiting,
    Way,
)

from .folding import Row, folded

LONG_SECONDS = 1.0
"""What took less is not worth a number."""
MOST_ROWS = 12
"""Longer lists are folded, unless all is asked for."""
_WIDEST_PATH = 60
_NO_SURPRISE = tuple(
    why.value for why in (Why.OTHER_VERSION, Why.CACHE, Why.ENVIRONMENT, Why.GIT, Why.OWN)
)
"""Of these a few are named, after all others."""
_ALLOWED_BY = {
    Why.LARGE.value: "`%remote_gpu sync --allow PATH` lets it travel",
    Why.SECRET.value: "a line `!PATH` in a file .remotegpuignore lets it travel",
    Why.IGNORED.value: "a line `!PATH` in a file .remotegpuignore lets it travel",
}
_QUIET = frozenset({Do.AGREE.value, Do.FORGET.value})


def dry_run_text(machine: str, found: DryRun, *, everything: bool = False) -> str:
    """Return what a sync would do, a list for each kind; with `everything` nothing is folded."""
    kinds: dict[tuple[Way, str], list[Planned]] = {}
    for one in found.paths:
        if one.kind not in _QUIET:
            kinds.setdefault((one.way, one.kind), []).append(one)
    moves = [key for key in kinds if key[0] is not Way.STAYS]
    head = f"a sync with {machine} would do this; nothing was done"
    if not moves:
        head = f"a sync with {machine} would move nothing: both sides are the same"
    lines = [head]
    for key in sorted(moves, key=lambda key: list(Way).index(key[0])):
        lines += ["", *_list(key[1], _without_parents(kinds[key]), everything=everything)]
    stays = [key for key in kinds if key[0] is Way.STAYS]
    for key in sorted(stays, key=_order):
        lines += _staying(key[1], kinds[key], everything=everything)
    return "\n".join(lines)


def _without_parents(paths: Sequence[Planned]) -> list[Planned]:
    """Leave out folders in which something else is listed: that names them too."""
    above = {one.path[:at] for one in paths for at, letter in enumerate(one.path) if letter == "/"}
    return [one for one in paths if not (one.is_folder and one.path in above)]


def _order(key: tuple[Way, str]) -> tuple[bool, bool, str]:
    return key[1] in _NO_SURPRISE, key[1] not in _ALLOWED_BY, key[1]


def _staying(kind: str, paths: Sequence[Planned], *, everything: bool) -> list[str]:
    if kind in _NO_SURPRISE and not everything:
        return ["", f"stays here, {kind}: {named((p.path, p.is_folder) for p in paths)}"]
    hint = _ALLOWED_BY.get(kind)
    below = [f"  {hint}"] if hint is not None else []
    return ["", *_list(f"stays here, {kind}", paths, everything=everything), *below]


def _list(title: str, paths: Sequence[Planned], *, everything: bool) -> list[str]:
    rows = [Row(p.path, p.bytes or None, p.reason, is_folder=p.is_folder) for p in paths]
    return [f"{title}: {_total(rows)}", *_lines(rows, everything=everything)]


def _lines(rows: Sequence[Row], *, everything: bool = False) -> list[str]:
    shown = folded(rows, len(rows) if everything else MOST_ROWS)
    paths = [_path(row) for row in shown]
    sizes = [size_text(row.bytes) if row.bytes is not None else "" for row in shown]
    width = min(_WIDEST_PATH, max(map(len, paths)))
    widest = max(map(len, sizes))
    return [
        f"  {path:<{width}}  {size:>{widest}}  {row.note}".rstrip()
        for path, size, row in zip(paths, sizes, shown, strict=True)
    ]


def _total(rows: Sequence[Row]) -> str:
    folders = sum(row.is_folder for row in rows)
    size = sum(row.bytes or 0 for row in rows)
    parts = [count_text(len(rows) - folders)] if folders < len(rows) else []
    parts += [f"{folders:,} folders" if folders > 1 else "1 folder"] if folders else []
    return ", ".join([*parts, size_text(size)] if size else parts)


def _path(row: Row) -> str:
    if row.path is None:
        return f"… and {row.count:,} more"
    text = path_text(row.path, is_folder=row.is_folder)
    return f"{text} ({count_text(row.count)})" if row.count > 1 else text


def report_text(machine: str, report: SyncReport) -> str:
    """Return what a sync did: a line on what moved, and one for each thing to know or to do."""
    lines = ["; ".join(_moved(machine, report))]
    if report.nothing:
        lines = [f"nothing to do: the files are the same here and on {machine}"]
    elif not lines[0]:
        lines = []  # what there is to say follows
    elif report.seconds >= LONG_SECONDS:
        lines[0] += f" · {seconds_text(report.seconds)}"
    lines += [conflict_line(machine, one) for one in report.conflicts]
    if report.later:
        lines.append(f"still coming in the background: {moved_text(report.later)}")
    lines += [refused_line(path, why) for path, why in report.refused.items()]
    if report.waiting:
        lines.append(waiting_line(machine, report.waiting))
    lines += [asking_line(one) for one in report.asking]
    lines += [f"stays here: {_planned(one)}" for one in report.left_out[:LONGEST_LIST]]
    more = len(report.left_out) - LONGEST_LIST
    if more > 0:
        lines.append(f"{more:,} more stay here: `%remote_gpu sync --dry-run` lists them")
    lines += [token_line(machine, path, what) for path, what in report.tokens.items()]
    return "\n".join(lines)


def pulled_text(machine: str, report: SyncReport) -> str:
    """Return what a pull of paths brought."""
    if report.nothing and not report.waiting:
        return f"nothing to bring: they are here as they are on {machine}"
    return report_text(machine, report)


def settled_text(machine: str, what: str, paths: Sequence[str]) -> str:
    """Return what became of files that waited; `what` is accepted or rejected."""
    if not paths:
        return f"nothing of {machine} was {what}"
    done = "put in place" if what == "accepted" else "thrown away"
    return f"{what}, and {done}: {named((path, False) for path in paths)}"


def _moved(machine: str, report: SyncReport) -> list[str]:
    parts = []
    for verb, moved, wire in (
        ("sent", report.sent, report.bytes_out),
        ("brought back", report.back, report.bytes_back),
    ):
        files = [one for one in moved if not one.deleted]
        gone = [one for one in moved if one.deleted]
        size = sum(one.bytes for one in files)
        if files:
            went = f", {size_text(wire)} on the wire" if 0 < wire < size // 2 else ""
            parts.append(f"{verb} {moved_text(files)}{went}")
        if gone:
            where = f"on {machine}" if verb == "sent" else "here"
            parts.append(f"deleted {moved_text(gone)} {where}")
    return parts


def waiting_text(machine: str, waiting: Sequence[Waiting]) -> str:
    """Return the list of files that wait, with the reason of each, and what can be done."""
    if not waiting:
        return f"nothing of {machine} waits for your word"
    rows = [Row(one.path, one.bytes, _why(one)) for one in waiting]
    return "\n".join(
        [
            f"put aside until you say what is to become of it: {_total(rows)}",
            *_lines(rows, everything=True),
            "  `%remote_gpu kept accept PATH` puts one in its place, `… reject PATH` throws it"
            " away, `… --diff` shows it",
        ]
    )


def _why(one: Waiting) -> str:
    return f"{one.reason}; loading it can run code" if one.unsafe else one.reason


def _planned(one: Planned) -> str:
    reason = f"{one.kind} ({one.reason})" if one.reason else one.kind
    return f"{path_text(one.path, is_folder=one.is_folder)}: {reason}"
