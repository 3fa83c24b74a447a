"""The tables of machines and of what lies there."""

from __future__ import annotations

from typing import Any

from jupyter_remote_gpu.commands.machine_table import remains_text

NOW = 1000.0


def _item(item: str, kind: str, name: str, size: int) -> dict[str, Any]:
    return {"item": item, "kind": kind, "name": name, "bytes": size, "used": NOW - 5, "by": []}


def test_what_lies_there_is_named_once_and_the_largest_first() -> None:
    items = [
        _item("home/kernels/1fec3559", "kernel", "1fec3559", 1000),
        _item("workspaces/p-1/environments/3.11", "environment", "p-1, Python 3.11", 3000),
        _item("cache/uv", "cache", "packages as fetched", 2000),
    ]
    rows = [line.split("  ") for line in remains_text(items, NOW).splitlines()[1:]]
    told = [[text.strip() for text in row if text.strip()] for row in rows]
    assert told == [
        ["workspaces/p-1/environments/3.11", "environment p-1, Python 3.11", "3.0 KB", "5.0 s ago"],
        ["cache/uv", "cache packages as fetched", "2.0 KB", "5.0 s ago"],
        ["home/kernels/1fec3559", "kernel", "1.0 KB", "5.0 s ago"],
    ]
