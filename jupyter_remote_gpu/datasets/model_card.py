"""The card of a published model, from what is known of the runs that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .addresses import redacted

_MOST_CELLS = 30
_MOST_CHARS = 20_000
_HUB_DATA = "hf://datasets/"
_LOAD = {
    "state": """from huggingface_hub import hf_hub_download
from safetensors.torch import load_model

model = ...  # built as in the cells below
load_model(model, hf_hub_download("{repo}", "model.safetensors"))""",
    "pretrained": """from transformers import AutoModel

model = AutoModel.from_pretrained("{repo}")""",
    "files": """from huggingface_hub import snapshot_download

folder = snapshot_download("{repo}")""",
}


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of how weights came about.

    `data` are addresses with their versions, `cells` the texts of the cells that
    ran, oldest first. Which machine it was is nobody's business.
    """

    data: Sequence[str] = ()
    cells: Sequence[str] = ()
    metrics: Mapping[str, str] = field(default_factory=dict)


def card_text(repo: str, kind: str, record: Record) -> str:
    """Return the card: how to load it, measures, data, cells. Tokens and signed links are left out.

    `kind` says what was published: state, pretrained or files.
    """
    data = sorted({redacted(one) for one in record.data})
    head = ["---"]
    if kind != "files":
        head.append("library_name: " + ("transformers" if kind == "pretrained" else "pytorch"))
    known = sorted({_repository(one) for one in data if one.startswith(_HUB_DATA)})
    if known:
        head += ["datasets:", *(f"- {one}" for one in known)]
    name = repo.partition("/")[2]
    parts = ["\n".join([*head, "tags:", "- jupyter_remote_gpu", "---"]), f"# {name}"]
    load = _LOAD[kind].format(repo=repo)
    parts.append(f"## How to load\n\n{_block(load)}")
    if record.metrics:
        rows = [f"| {_cell(k)} | {_cell(v)} |" for k, v in record.metrics.items()]
        parts.append("\n".join(["## Metrics\n", "| measure | value |", "|---|---|", *rows]))
    if data:
        parts.append("\n".join(["## Data\n", *(f"- `{one}`" for one in data)]))
    cells = _fitting(record.cells)
    if cells:
        parts.append("## Cells\n\nWhat ran before it was published, oldest first.")
        parts += [_block(redacted(cell)) for cell in cells]
    return "\n\n".join(parts) + "\n"


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
