"""What a machine is told of data: plain values that messages carry; links among them are secret."""

from __future__ import annotations

from collections.abc import Sequence

from .source import Link, RemoteFile


def files_told(files: Sequence[RemoteFile]) -> list[dict[str, object]]:
    """Return files as the machine's half understands them; digests by their kind."""
    return [
        {
            "path": file.path,
            "bytes": file.bytes,
            "digests": {digest.kind: digest.hex for digest in file.digests},
            "unpack": file.unpack,
            "only": file.only,
        }
        for file in files
    ]


def link_told(link: Link) -> dict[str, object]:
    """Return a link as the machine's half understands it. For the encrypted stream alone."""
    return {"url": link.url, "headers": dict(link.headers), "expires_at": link.expires_at}
