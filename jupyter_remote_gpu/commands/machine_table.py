"""The tables of machines, and of what lies on one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_remote_gpu.machines.known import Seen
from jupyter_remote_gpu.session.summary import seconds_text, size_text

LONGEST_STATE = 60


@dataclass(frozen=True, slots=True)
class Look:
    """What a short look at a machine brought: its status, or why there is none."""

    name: str
    current: bool
    trusted: bool
    found: Mapping[str, Any] | None = None
    trouble: str = ""
    seen: Seen | None = None


def machines_text(looks: Sequence[Look], notebook: str, now: float | None = None) -> str:
    """Return a line for each machine; the notebook's own is marked with a star."""
    now = time.time() if now is None else now
    rows: list[tuple[str, ...]]
    rows = [("", "name", "state", "gpu", "disk free", "runs there", "last seen", "trust")]
    rows += [_row(look, notebook, now) for look in looks]
    return columns(rows)


def _row(look: Look, notebook: str, now: float) -> tuple[str, ...]:
    star, trust = "*" if look.current else "", "trusted" if look.trusted else "data only"
    found, seen = look.found, look.seen
    if found is not None:
        kernels = [k for k in found["kernels"] if not k["dead"]]
        state = "running" if any(k["busy"] for k in kernels) else "idle"
        gpus = [_gpu(gpu) for gpu in found["gpus"]]
        runs = ", ".join(_kernel(k, notebook) for k in kernels)
        disk = size_text(found["disk_free"])
        return (star, look.name, state, counted(gpus) or "none", disk, runs, "now", trust)
    state = look.trouble if len(look.trouble) <= LONGEST_STATE else look.trouble[:59] + "…"
    if seen is None:
        return (star, look.name, state, "", "", "", "never", trust)
    ago = f"{seconds_text(max(1.0, now - seen.at))} ago"
    return (
        star,
        look.name,
        state,
        counted(seen.gpus) or "none",
        size_text(seen.disk_free),
        "",
        ago,
        trust,
    )


def _gpu(gpu: Mapping[str, Any]) -> str:
    return f"{gpu['name']} ({gpu['use_percent']} % busy)"


def counted(gpus: Iterable[str]) -> str:
    """Return texts as one, equal ones counted: "4 × RTX 3090"; "" for none."""
    counts: dict[str, int] = {}
    for gpu in gpus:
        counts[gpu] = counts.get(gpu, 0) + 1
    texts = [gpu if count == 1 else f"{count} × {gpu}" for gpu, count in counts.items()]
    return ", ".join(texts)


def _kernel(kernel: Mapping[str, Any], notebook: str) -> str:
    doing = "running" if kernel["busy"] else "idle"
    return f"{notebook_text(kernel['notebook'], notebook)}: {doing}"


def notebook_text(of: str, notebook: str) -> str:
    """Return the few words by which a notebook is named to another."""
    if of == notebook:
        return "this notebook"
    return os.path.basename(of.rstrip(os.sep)) or of or "a notebook"


def remains_text(items: Sequence[Mapping[str, Any]], now: float | None = None) -> str:
    """Return a line for each thing that lies on a machine, the largest first."""
    now = time.time() if now is None else now
    rows: list[tuple[str, ...]] = [("item", "what", "size", "last used", "used by")]
    for item in sorted(items, key=lambda one: -int(one["bytes"])):
        used = f"{seconds_text(max(1.0, now - item['used']))} ago" if item["used"] else ""
        by = f"{len(item['by'])} running" if item["by"] else ""
        what = str(item["kind"])
        if not str(item["item"]).endswith(f"/{item['name']}"):  # else it would stand there twice
            what = f"{what} {item['name']}".strip()
        rows.append((str(item["item"]), what, size_text(item["bytes"]), used, by))
    return columns(rows)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines with aligned columns; columns without any text are left out."""
    used = [i for i in range(len(rows[0])) if any(row[i] for row in rows[1:])]
    widths = {i: max(len(row[i]) for row in rows) for i in used}
    lines = ["  ".join(row[i].ljust(widths[i]) for i in used).rstrip() for row in rows]
    return "\n".join(lines)
