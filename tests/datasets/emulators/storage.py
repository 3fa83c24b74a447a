"""An emulator of a cloud's storage: signed addresses, ranges, digests, and their faults."""

from __future__ import annotations

import base64
import calendar
import hashlib
import hmac
import time
from dataclasses import dataclass
from functools import lru_cache

from .serving import Asked, Emulator, Reply, in_part

_DATE = "%Y%m%dT%H%M%SZ"
_MODIFIED = "Thu, 01 Oct 2026 08:00:00 GMT"
DAYS_3 = 259_200


@dataclass
class Stored:
    """An object: its bytes, and which number of its name it is."""

    data: bytes
    generation: int


class Storage(Emulator):
    """Objects by path; only who has a signature gets them.

    `hashes` is what it says of the bytes; `wrong_md5` that it says a false one;
    `ranges` whether it gives parts; `signs` whether a signature is needed;
    `lasts` for how many seconds one is good.
    """

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, Stored] = {}
        self.hashes: tuple[str, ...] = ("md5",)
        self.wrong_md5 = False
        self.ranges = True
        self.signs = True
        self.lasts = DAYS_3
        self._keys = [b"first"]

    def put(self, path: str, data: bytes) -> None:
        """Keep an object; one of the same path is replaced."""
        before = self.objects.get(path)
        self.objects[path] = Stored(data, 1 + (before.generation if before else 1_700_000_000))

    def signed(self, path: str) -> str:
        """Return an address at which everybody can read the object, for a while."""
        began = time.strftime(_DATE, time.gmtime())
        said = (
            f"X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=emulator"
            f"&X-Goog-Date={began}&X-Goog-Expires={self.lasts}&X-Goog-SignedHeaders=host"
        )
        signature = _signature(self._keys[0], path)
        return f"{self.url}{path}?{said}&X-Goog-Signature={signature}"

    def revoke(self) -> None:
        """Have the time of all addresses that were signed so far be over."""
        self._keys.insert(0, self._keys[0] + b"+")

    def answer(self, asked: Asked) -> Reply:
        """Return the object or the part asked for, as Google's storage answers; take one."""
        refusal = self._refusal(asked) if self.signs else None
        if refusal is not None:
            return refusal
        if asked.method == "PUT":
            self.put(asked.path, asked.body)
            return Reply(200, {"ETag": f'"{_digest(asked.body).hex()}"'})
        found = self.objects.get(asked.path)
        if found is None:
            return _xml(404, "NoSuchKey")
        headers = self._headers(found)
        return in_part(asked, found.data, headers) if self.ranges else _whole(found, headers)

    def _refusal(self, asked: Asked) -> Reply | None:
        """Return what is said to who has no signature, a false one, or one whose time is over."""
        said = asked.query.get("X-Goog-Signature")
        if said is None:
            return _xml(403, "AccessDenied")
        known = [_signature(key, asked.path) for key in self._keys]
        if said not in known:
            return _xml(403, "SignatureDoesNotMatch")
        began = calendar.timegm(time.strptime(asked.query["X-Goog-Date"], _DATE))
        if said != known[0] or time.time() >= began + int(asked.query["X-Goog-Expires"]):
            return _xml(400, "ExpiredToken")
        return None

    def _headers(self, found: Stored) -> dict[str, str]:
        said = {"md5": _md5(found.data if not self.wrong_md5 else b"others")}
        if "crc32c" in self.hashes:
            said["crc32c"] = base64.b64encode(crc32c(found.data).to_bytes(4, "big")).decode()
        headers = {
            "Content-Type": "application/octet-stream",
            "ETag": f'"{_digest(found.data).hex()}"',
            "Last-Modified": _MODIFIED,
            "x-goog-generation": str(found.generation),
        }
        if self.ranges:
            headers["Accept-Ranges"] = "bytes"
        if self.hashes:
            # A header each, as Google sends them.
            headers["x-goog-hash"] = "\n".join(f"{kind}={said[kind]}" for kind in self.hashes)
        return headers


def _whole(found: Stored, headers: dict[str, str]) -> Reply:
    return Reply(200, headers, found.data, of_head=len(found.data))


def _signature(key: bytes, path: str) -> str:
    return hmac.new(key, path.encode(), hashlib.sha256).hexdigest()


def _xml(status: int, code: str) -> Reply:
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>"
    return Reply(status, {"Content-Type": "application/xml; charset=UTF-8"}, text.encode())


def _md5(data: bytes) -> str:
    return base64.b64encode(_digest(data)).decode()


@lru_cache(maxsize=64)
def _digest(data: bytes) -> bytes:
    """Return an MD5; kept, as each part of a large object asks for it."""
    return hashlib.md5(data).digest()


def crc32c(data: bytes) -> int:
    """Return the Castagnoli checksum; slow, for small data."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF
