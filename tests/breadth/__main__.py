"""`python -m tests.breadth [WORD …]`: measures the classes whose line has one of the words.

With `--write` the table in `docs/classes.md` is written anew, from all of them.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from typing import Any

from .measuring import DIFFERS, Finding, measure, open_host, version
from .samples import Sample, samples
from .table import TABLE, Row, text


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 if no class came out differently."""
    parser = argparse.ArgumentParser(prog="python -m tests.breadth", description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(argv)
    wanted = [s for s in samples() if _is_wanted(s, asked.words)]
    rows: list[Row] = []
    for _, group in itertools.groupby(wanted, key=lambda sample: sample.library):
        rows += _measured(list(group))
    if asked.write:
        TABLE.write_text(text(rows), encoding="utf-8")
    return 1 if any(DIFFERS in (row[2].outcome, row[3].outcome) for row in rows) else 0


def _is_wanted(sample: Sample, words: list[str]) -> bool:
    name = f"{sample.library}: {sample.name}"
    return not words or any(word in name for word in words)


def _measured(group: list[Sample]) -> list[Row]:
    """Measure a library's samples at both levels of trust, in processes of its own."""
    rows: list[Row] = []
    hosts = {True: open_host(), False: open_host()}
    for sample in group:
        found = {trusted: _one(sample, hosts, trusted) for trusted in (True, False)}
        rows.append((sample, version(sample.library), found[True], found[False]))
        print(f"{sample.library}: {sample.name}\n    trusted    {found[True]}", flush=True)
        print(f"    untrusted  {found[False]}", flush=True)
    for host in hosts.values():
        host.close()
    return rows


def _one(sample: Sample, hosts: dict[bool, Any], trusted: bool) -> Finding:
    """Measure one sample; a host that it broke is replaced."""
    try:
        return measure(sample, hosts[trusted], trusted=trusted)
    except Exception as error:
        hosts[trusted].close()
        hosts[trusted] = open_host()
        return Finding(DIFFERS, f"{type(error).__name__}: {error}"[-400:])


if __name__ == "__main__":
    sys.exit(main())
