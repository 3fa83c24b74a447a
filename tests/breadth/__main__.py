"""`python -m tests.breadth [WORD …]`: measures the classes whose line has one of the words.

With `--write` the table in `docs/classes.md` is written anew, from all of them.
"""

from __future__ import annotations

import argparse
import sys

from .measuring import DIFFERS, Finding, measure, open_host, version
from .samples import Sample, samples
from .table import TABLE, text


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 if no class came out differently."""
    parser = argparse.ArgumentParser(prog="python -m tests.breadth", description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(argv)
    rows = []
    for sample in samples():
        name = f"{sample.library}: {sample.name}"
        if asked.words and not any(word in name for word in asked.words):
            continue
        row = _measured(sample)
        rows.append((sample, version(sample.library), *row))
        print(f"{name}\n    trusted    {row[0]}\n    untrusted  {row[1]}", flush=True)
    if asked.write:
        TABLE.write_text(text(rows), encoding="utf-8")
    return 1 if any(DIFFERS in (row[2].outcome, row[3].outcome) for row in rows) else 0


def _measured(sample: Sample) -> tuple[Finding, Finding]:
    """Measure at both levels of trust, each in processes of its own."""
    found = []
    for trusted in (True, False):
        host = open_host()
        try:
            found.append(measure(sample, host, trusted=trusted))
        except Exception as error:
            found.append(Finding(DIFFERS, f"{type(error).__name__}: {error}"[:400]))
        finally:
            host.close()
    return found[0], found[1]


if __name__ == "__main__":
    sys.exit(main())
