"""The card of a published model, from what is known of the runs that made it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .addresses import redacted
from .loading_code import Made, loading_code

__all__ = ["KINDS", "Made", "Record", "card_text"]

KINDS = ("model", "weights", "arrays", "pretrained", "files")
_MOST_CELLS = 30
_MOST_CHARS = 20_000
_HUB_DATA = "hf://datasets/"
_LIBRARIES = {
    "transformers": "transformers",
    "diffusers": "diffusers",
    "peft": "peft",
    "sentence_transformers": "sentence-transformers",
}
"""What the Hub calls the libraries whose models it knows how to load."""
_LOAD = "## How to load\n\n"
_LOADING = re.compile(r"## How to load\n\n(.*?)(?=\n\n## |\n*<!-- |\Z)", re.DOTALL)
_BLOCK = re.compile(r"^```python\n.*?^```$", re.DOTALL | re.MULTILINE)
_BESIDE = ("Tokenizer", "Processor", "FeatureExtractor", "Config")
"""Classes of these names are published beside a model, and do not take its place."""
_SECRET = re.compile(
    r"""(?<!\w)(?!(?:pad|eos|bos|unk|mask|sep|cls)_token)(\w*(?:token|secret|passw(?:or)?d|passphrase"""
    r"""|credentials?|(?:api|access|private)_?key)\d*["']?\]?\s*[=:,]\s*[rbuf]{0,2})(["'])[^"'\n]{6,}\2""",
    re.IGNORECASE,
)
"""A text given to what is called a secret; a tokenizer's special tokens are none."""
_LONG_KEY = re.compile(r"""(?<!\w)(key\s*[=:]\s*)(["'])[\w-]{32,}\2""")
"""What is called just a key may be one of a table, unless it is as long as this."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of how weights came about.

    `data` are addresses with their versions, `cells` the texts of the cells that
    ran, oldest first. Which machine it was is nobody's business.
    """

    data: Sequence[str] = ()
    cells: Sequence[str] = ()
    metrics: Mapping[str, str] = field(default_factory=dict)


def card_text(repo: str, made: Made, record: Record, before: str = "") -> str:
    """Return the card: how to load it, measures, data, cells. Tokens and signed links are left out.

    `before` is the card that stands there and was written here; how to load what
    was published beside stays in it.
    """
    code = _block(loading_code(repo, made))
    blocks = _BLOCK.findall(found[1]) if (found := _LOADING.search(before)) else []
    if before and _is_beside(made.name):
        if code in blocks:
            return before.rpartition("\n<!-- ")[0] or before
        all_of_it = "\n\n".join([*blocks, code])
        return _LOADING.sub(lambda _: _LOAD + all_of_it, before).rpartition("\n<!-- ")[0]
    beside = [one for one in blocks if _names_beside(one) and one != code]
    data = sorted({redacted(one) for one in record.data})
    parts = [_front(made, data), f"# {repo.partition('/')[2]}"]
    parts.append(_LOAD + "\n\n".join([code, *beside]))
    if record.metrics:
        rows = [f"| {_cell(k)} | {_cell(v)} |" for k, v in record.metrics.items()]
        parts.append("\n".join(["## Metrics\n", "| measure | value |", "|---|---|", *rows]))
    if data:
        parts.append("\n".join(["## Data\n", *(f"- `{one}`" for one in data)]))
    cells = _fitting(record.cells)
    if cells:
        parts.append("## Cells\n\nWhat ran before it was published, oldest first.")
        parts += [_block(without_secrets(cell)) for cell in cells]
    return "\n\n".join(parts) + "\n"


def without_secrets(cell: str) -> str:
    """Return a cell's text without tokens, signatures, and texts given to what is called secret."""
    return redacted(_LONG_KEY.sub(r"\1\2***\2", _SECRET.sub(r"\1\2***\2", cell)))


def _front(made: Made, data: Sequence[str]) -> str:
    """Return what the Hub reads of a card."""
    head = ["---"]
    library = _LIBRARIES.get(made.library, "")
    if made.kind in ("model", "weights"):
        library = "pytorch"
    if library:
        head.append(f"library_name: {library}")
    known = sorted({_repository(one) for one in data if one.startswith(_HUB_DATA)})
    if known:
        head += ["datasets:", *(f"- {one}" for one in known)]
    return "\n".join([*head, "tags:", "- jupyter_remote_gpu", "---"])


def _is_beside(name: str) -> bool:
    return any(word in name for word in _BESIDE)


def _names_beside(block: str) -> bool:
    return any(_is_beside(name) for name in re.findall(r"(\w+)\.from_pretrained", block))


def _fitting(cells: Sequence[str]) -> list[str]:
    """Return the latest cells that a card has room for, each text once."""
    kept: list[str] = []
    room = _MOST_CHARS
    for cell in reversed([one.strip() for one in cells]):
        if not cell or cell in kept:
            continue
        room -= len(cell)
        if room < 0 or len(kept) == _MOST_CELLS:
            break
        kept.append(cell)
    return kept[::-1]


def _block(code: str) -> str:
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}python\n{code}\n{fence}"


def _cell(text: str) -> str:
    return " ".join(redacted(text).replace("|", "\\|").split())[:200]


def _repository(address: str) -> str:
    return address.removeprefix(_HUB_DATA).partition("@")[0]
