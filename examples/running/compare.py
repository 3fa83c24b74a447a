"""Whether two runs of a notebook show the same, under rules that are written here.

1. A cell has the same outputs: the same kinds, in the same order, and no error.
2. Text is the same but for what differs from run to run: durations, rates, sizes in bytes,
   absolute paths and memory addresses are replaced by a word; blanks count as one blank.
3. Numbers with a decimal point may differ by RELATIVE or ABSOLUTE (rounding differs from
   processor to processor, and a training adds it up). Whole numbers must be equal.
4. A picture is there, has the same width and height but for PICTURE_SIZE (fonts differ), and
   is not of one colour.
5. A cell tagged `generated` shows text that the trained model wrote, character by character:
   it has the same length but for GENERATED_LENGTH, and begins with the same word.
6. The quiet line that says what moved is not compared: it stands there only if it was much.
"""

from __future__ import annotations

import base64
import difflib
import html
import io
import re
from dataclasses import dataclass

import matplotlib.image
import numpy as np
from nbformat import NotebookNode

from .cells import PNG, Cell, code_cells

RELATIVE = 0.05
ABSOLUTE = 0.05
PICTURE_SIZE = 0.10
GENERATED_LENGTH = 0.10

_VARYING = [
    # tqdm's clock and rate: [00:28<00:00, 21.1it/s
    (re.compile(r"\[[\d:?]+<[\d:?]+, +(?:[\d.]+|\?) ?(?:it/s|s/it)"), "[<time>"),
    (re.compile(r"\b\d+(?:\.\d+)? ?(?:ns|µs|us|ms|s|min|h)\b"), "<time>"),
    (re.compile(r"\b\d+(?:\.\d+)?(?:e\+\d+)? ?(?:bytes|[KkMGT]B|[KMG]iB)\b"), "<size>"),
    (re.compile(r"\b0x[0-9a-fA-F]{6,}\b"), "<address>"),
    (re.compile(r"(?<![\w<./])/(?:[\w.+-]+/)+[\w.+-]*"), "<path>"),
]
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a cell showed differently: the cell, what, and the two texts' diff."""

    cell: Cell
    what: str
    diff: str = ""

    def __str__(self) -> str:
        return f"{self.cell}: {self.what}" + (f"\n{self.diff}" if self.diff else "")


def differences(stored: NotebookNode, executed: NotebookNode) -> list[Difference]:
    """Return where `executed` shows other things than `stored`; both are settled notebooks."""
    before, after = code_cells(stored), code_cells(executed)
    if [node.source for _, node in before] != [node.source for _, node in after]:
        raise ValueError("The two notebooks have different cells; compare two runs of one.")
    found: list[Difference] = []
    for (cell, old), (_, new) in zip(before, after, strict=True):
        found += [Difference(cell, *finding) for finding in _in_cell(cell, old, new)]
    return found


def normal(text: str) -> str:
    """Return `text` with everything that differs from run to run replaced (rule 2)."""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())


def same_text(stored: str, executed: str) -> bool:
    """Tell whether two texts say the same under rules 2 and 3."""
    old, new = normal(stored), normal(executed)
    if _NUMBER.sub("#", old) != _NUMBER.sub("#", new):
        return False
    pairs = zip(_NUMBER.findall(old), _NUMBER.findall(new), strict=True)
    return all(_close(a, b) for a, b in pairs)


def picture_fault(stored: bytes, executed: bytes) -> str | None:
    """Return how the second PNG breaks rule 4 against the first, or None."""
    old, new = (matplotlib.image.imread(io.BytesIO(data), "png") for data in (stored, executed))
    sizes = zip(old.shape[:2], new.shape[:2], strict=True)
    if any(abs(a - b) > PICTURE_SIZE * a for a, b in sizes):
        return (
            f"the picture was {old.shape[1]} × {old.shape[0]} pixels "
            f"and is now {new.shape[1]} × {new.shape[0]}"
        )
    if bool(np.all(new == new[0, 0])):
        return "the picture is of one colour"
    return None


def _in_cell(cell: Cell, old: NotebookNode, new: NotebookNode) -> list[tuple[str, str]]:
    sides = [
        [output for output in node.outputs if not _is_quiet_line(output)] for node in (old, new)
    ]
    kinds = [[_kind(output) for output in outputs] for outputs in sides]
    if kinds[0] != kinds[1]:
        return [("other kinds of output", _diff(*("\n".join(names) for names in kinds)))]
    found: list[tuple[str, str]] = []
    for before, after in zip(*sides, strict=True):
        for kind, text in _shown(before).items():
            finding = _in_output(cell, kind, text, _shown(after)[kind])
            if finding is not None:
                found.append(finding)
    return found


def _in_output(cell: Cell, kind: str, old: str, new: str) -> tuple[str, str] | None:
    if kind == PNG:
        fault = picture_fault(base64.b64decode(old), base64.b64decode(new))
        return None if fault is None else (fault, "")
    if kind == "text/html":
        old, new = (html.unescape(_TAG.sub(" ", text)) for text in (old, new))
    if same_text(old, new):
        return None
    if "generated" in cell.tags and kind == "stdout":
        fault = _generated_fault(old, new)
        return None if fault is None else (fault, _diff(old, new))
    return f"{kind} differs", _diff(normal(old), normal(new))


def _generated_fault(old: str, new: str) -> str | None:
    if abs(len(old) - len(new)) > GENERATED_LENGTH * len(old):
        return f"the written text had {len(old)} characters and now has {len(new)}"
    if old.split()[:1] != new.split()[:1]:
        return "the written text begins with another word"
    return None


def _is_quiet_line(output: NotebookNode) -> bool:
    return "line" in output.get("metadata", {}).get("remote_gpu", {})


def _kind(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return str(output.name)
    if output.output_type == "error":
        return f"error {output.ename}: {output.evalue}"
    return f"{output.output_type}: {', '.join(sorted(output.data))}"


def _shown(output: NotebookNode) -> dict[str, str]:
    if output.output_type == "stream":
        return {str(output.name): str(output.text)}
    return {str(kind): str(value) for kind, value in output.get("data", {}).items()}


def _close(stored: str, executed: str) -> bool:
    if "." not in stored or "." not in executed:
        return stored == executed
    old, new = float(stored.replace(",", "")), float(executed.replace(",", ""))
    return abs(old - new) <= max(ABSOLUTE, RELATIVE * abs(old))


def _diff(old: str, new: str) -> str:
    sides = old.splitlines(), new.splitlines()
    lines = difflib.unified_diff(*sides, "stored", "executed", n=1, lineterm="")
    return "\n".join(lines)
