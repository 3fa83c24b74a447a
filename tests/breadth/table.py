"""The table of classes in the documentation: written from what was measured, and read back."""

from __future__ import annotations

import datetime
import platform
import re
from collections import Counter
from pathlib import Path

from .measuring import Finding
from .samples import Sample

TABLE = Path(__file__).parents[2] / "docs" / "classes.md"
Row = tuple[Sample, str, Finding, Finding]

_HEAD = """\
# Which classes travel

The library classes that Kishu (VLDB 2025) lists in its documentation, and a few more: a typical
instance of each was made here, looked at there, changed there and looked at here, and the same
the other way round, with two more names for it (`is` between them is compared, except for numbers,
texts, times and paths). *travels* means that every cell showed what one process shows. *refused*
means that the cell which needed it on the other side was not run, and said why. `python -m
tests.breadth --write` measures and writes this page; the samples are in `tests/breadth/samples`.
The one that *differs* does so in one process too, by its own pickle: an int comes back a float.

Measured on {date}, Python {python}, the same versions on both sides.

| | travels | refused | differs | not measured |
|---|---|---|---|---|
| trusted machine | {trusted} |
| untrusted machine | {untrusted} |

"""
_ROW = re.compile(r"^\| (\S.*?) \| `(.*?)`(.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE)


def text(rows: list[Row]) -> str:
    """Return the page for some measured rows."""
    date = datetime.datetime.now(datetime.timezone.utc).date()
    head = _HEAD.format(
        date=date,
        python=platform.python_version(),
        trusted=_counted([row[2] for row in rows]),
        untrusted=_counted([row[3] for row in rows]),
    )
    lines = ["| library | class | trusted | untrusted |", "|---|---|---|---|"]
    lines += [_line(*row) for row in rows]
    return head + "\n".join(lines) + "\n"


def known(page: str) -> dict[tuple[str, str], str]:
    """Return what a page says of each (library, class) on a trusted machine, in one word."""
    return {
        (library.split(" ")[0], name + rest): outcome.partition(":")[0]
        for library, name, rest, outcome, _ in _ROW.findall(page)
    }


def _counted(findings: list[Finding]) -> str:
    counts = Counter(finding.outcome for finding in findings)
    return " | ".join(str(counts[k]) for k in ("travels", "refused", "differs", "not measured"))


def _line(sample: Sample, version: str, trusted: Finding, untrusted: Finding) -> str:
    name, space, rest = sample.name.partition(" ")
    cells = [_cell(trusted), _cell(untrusted)]
    return f"| {sample.library} {version} | `{name}`{space}{rest} | {' | '.join(cells)} |"


def _cell(finding: Finding) -> str:
    return str(finding).replace("|", "/").replace("\n", " ")
