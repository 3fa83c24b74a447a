"""Notebooks as the suite reads them: the code cells of a percent-format file or an `.ipynb`.

In a percent file a cell begins with `# %%`, and what IPython alone understands
stands in a comment, as jupytext writes it: `# %matplotlib inline`, `# !ls`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

COURSES = Path(__file__).parent / "courses"
_COMMENTED = re.compile(r"^# ?((?:%%?[a-z]\w*|!\w|\w+ ?= ?!).*)$", re.MULTILINE)
_ONLY_HERE = re.compile(r"^%%(?!time\b|capture\b)\w|^%(?:load_ext|remote_gpu)\b", re.MULTILINE)
"""Cells that are no Python for either side, or speak of the extension itself."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell: its place in the notebook, counted from 0, and its text."""

    number: int
    text: str

    @property
    def can_be_remote(self) -> bool:
        """Whether `%%remote_gpu` may stand above it."""
        return _ONLY_HERE.search(self.text) is None

    @property
    def title(self) -> str:
        """Its first line, to be found by."""
        return self.text.strip().splitlines()[0][:70]


def read(path: Path) -> list[Cell]:
    """Return the code cells of a notebook file, empty ones left out."""
    text = path.read_text(encoding="utf-8")
    texts = _of_ipynb(text) if path.suffix == ".ipynb" else _of_percent(text)
    kept = [text for text in texts if text.strip()]
    return [Cell(number, text) for number, text in enumerate(kept)]


def courses() -> list[Path]:
    """Return the notebooks of this suite."""
    return sorted(COURSES.glob("*.py"))


def _of_percent(text: str) -> list[str]:
    parts = re.split(r"^# %%(?!\w)(.*)$", text, flags=re.MULTILINE)
    cells = zip(parts[1::2], parts[2::2], strict=True)
    return [
        _COMMENTED.sub(r"\1", body.strip("\n")) for head, body in cells if "[markdown]" not in head
    ]


def _of_ipynb(text: str) -> list[str]:
    notebook = json.loads(text)
    sheets = notebook.get("worksheets") or [notebook]
    cells = [cell for sheet in sheets for cell in sheet["cells"] if cell["cell_type"] == "code"]
    sources = [cell.get("source", cell.get("input", "")) for cell in cells]
    return [source if isinstance(source, str) else "".join(source) for source in sources]
