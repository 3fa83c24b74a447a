"""What of ours lies on a machine is freed: which of it, and which of it by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_remote_gpu.errors import RequestError
from jupyter_remote_gpu.session.summary import names_text

Items = Sequence[Mapping[str, Any]]
"""The answer to `protocol.messages.Remains`."""


def to_free(name: str, items: Items, wanted: Sequence[str]) -> list[str]:
    """Return the items of a machine to free: those wanted, or all that are spare.

    RequestError for one that is not there.
    """
    if not wanted:
        return [str(item["item"]) for item in items if is_spare(item)]
    known = {str(item["item"]) for item in items}
    unknown = [item for item in wanted if item not in known]
    if unknown:
        raise RequestError(
            f"there is nothing called {names_text(unknown)} on {name}",
            hint=f"%remote_gpu clean {name} shows what there is.",
        )
    return list(wanted)


def spare_bytes(items: Items) -> int:
    """Return how much freeing all that is spare would free."""
    return sum(item["bytes"] for item in items if is_spare(item))


def is_spare(item: Mapping[str, Any]) -> bool:
    """Whether an item can be made again and nothing uses it; files that cells wrote cannot."""
    return not item["by"] and item["kind"] != "files"
