"""Figures as a table for people, and as JSON for programs."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .figures import DIFFERENCE, RATIO, Comparison, Scale

NAME_WIDTH = 40
FIGURE_WIDTH = 34
_PACKAGES = ("ipykernel", "ipython", "jupyter_client", "pyzmq", "numpy")


def lines(comparison: Comparison) -> list[str]:
    """Return one comparison as text: ours, the rival, and how the target stands."""
    name = f"{comparison.what:<{NAME_WIDTH}}"
    ours = f"{figure(comparison.ours, comparison.unit):<{FIGURE_WIDTH}}"
    rival = f"{comparison.rival_name} {figure(comparison.rival, comparison.unit)}"
    below = [verdict(comparison), *comparison.notes, *comparison.problems]
    return [f"  {name} {ours} {rival}", *(f"      {text}" for text in below)]


def verdict(comparison: Comparison) -> str:
    """Return the ratio, the target and whether it was met."""
    target, unit = comparison.target, comparison.unit
    found, bound = f"ratio {comparison.ratio:.2f}", f"{target.bound:g}"
    if target.kind == DIFFERENCE:
        found += f", difference {amount(comparison.value, unit)}"
        bound = f"+ {amount(target.bound, unit)}"
    elif target.kind != RATIO:
        bound = amount(target.bound, unit)
    said = "met" if comparison.met else "MISSED"
    if comparison.problems:
        said = "WRONG"
    return f"{found}, target <= {bound}: {said}"


def figure(figures: Sequence[float], unit: str) -> str:
    """Return a median with its extremes."""
    median = amount(statistics.median(figures), unit)
    if len(figures) == 1:
        return f"{median} [1 taken]"
    low, high = amount(min(figures), unit), amount(max(figures), unit)
    return f"{median} [{low} … {high}]"


def amount(value: float, unit: str) -> str:
    """Return seconds or bytes in the size people read them in."""
    if unit == "B":
        small = 0 < abs(value) < 2**20
        return f"{value / 2**10:,.1f} KiB" if small else f"{value / 2**20:,.0f} MiB"
    if abs(value) < 1:
        return f"{1000 * value:.3g} ms"
    return f"{value:.2f} s"


def surroundings() -> dict[str, str]:
    """Say where and when the figures were taken."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} cores ({_processor()}), {memory / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}, {packages}",
        "load": f"{os.getloadavg()[0]:.1f} when it began",
    }


def as_json(
    around: dict[str, str], scale: Scale, rows: Iterable[tuple[str, Sequence[Comparison]]]
) -> dict[str, Any]:
    """Return everything that was measured, every figure of it."""
    found = [
        {"row": name, **asdict(c), "ratio": c.ratio, "met": c.met}
        for name, comparisons in rows
        for c in comparisons
    ]
    return {"surroundings": around, "scale": asdict(scale), "comparisons": found}


def _processor() -> str:
    """Return the processor's name where the system tells it."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()
