"""Whether the machine can fetch packages by itself; asked before uv would wait for minutes."""

from __future__ import annotations

import asyncio
import contextlib
import os
from urllib.parse import urlsplit

ANSWER_SECONDS = 4.0
DEFAULT_INDEX = "https://pypi.org/simple"
_PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")


async def index_answers() -> bool:
    """Whether a connection to the package index can be made. May take `ANSWER_SECONDS`.

    Behind a proxy that is not known; then uv may try.
    """
    if any(os.environ.get(name) for name in _PROXIES):
        return True
    address = next((os.environ[n] for n in _INDEXES if os.environ.get(n)), DEFAULT_INDEX)
    parts = urlsplit(address)
    if parts.hostname is None:
        return True
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        opening = asyncio.open_connection(parts.hostname, port)
        _, writer = await asyncio.wait_for(opening, ANSWER_SECONDS)
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
