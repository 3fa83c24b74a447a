"""An emulator of S3 as far as listing and reading go: who asks has to have signed."""

from __future__ import annotations

import calendar
import hashlib
import time
from collections.abc import Mapping
from xml.sax.saxutils import escape

from .serving import Asked, Emulator, Reply, in_part

KEY_ID, SECRET = "AKIAEMULATOR00000000", "emulator-secret"


class Bucket(Emulator):
    """Objects of one bucket by key. `public` ones are read without a signature.

    `pages` is how many rows a listing's page has. Of a signature the key's name
    and the end of its time are looked at, not the signature itself.
    """

    def __init__(self, name: str, objects: Mapping[str, bytes]) -> None:
        super().__init__()
        self.name = name
        self.objects = dict(objects)
        self.public = False
        self.pages = 1000

    def answer(self, asked: Asked) -> Reply:
        """Answer ListObjectsV2, HEAD and GET of an object."""
        signer = asked.query.get("X-Amz-Credential") or asked.query.get("AWSAccessKeyId", "")
        signer = signer or asked.authorization.partition("Credential=")[2]
        if not self.public and not signer:
            return _refused(403, "AccessDenied")
        if signer and not signer.startswith(KEY_ID):
            return _refused(403, "InvalidAccessKeyId")
        if _is_over(asked.query):
            return _refused(403, "AccessDenied", "Request has expired")
        bucket, _, key = asked.path.strip("/").partition("/")
        if bucket != self.name:
            return _refused(404, "NoSuchBucket")
        if not key and "list-type" in asked.query:
            return self._list(asked.query)
        data = self.objects.get(key)
        if data is None:
            return _refused(404, "NoSuchKey")
        headers = {"ETag": f'"{_tag(data)}"', "Last-Modified": _HTTP_DATE, "Accept-Ranges": "bytes"}
        return in_part(asked, data, headers)

    def _list(self, query: Mapping[str, str]) -> Reply:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        rows, folders = [], set()
        for key, data in sorted(self.objects.items()):
            if not key.startswith(prefix):
                continue
            inside, slash, _ = key[len(prefix) :].partition(delimiter or "\0")
            if slash:
                folders.add(f"{prefix}{inside}{slash}")
                continue
            rows.append(
                f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size>"
                f"<LastModified>{_DATE}</LastModified><ETag>&quot;{_tag(data)}&quot;</ETag>"
                "<StorageClass>STANDARD</StorageClass></Contents>"
            )
        rows += [
            f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>"
            for one in sorted(folders)
        ]
        begin = int(query.get("continuation-token", "0"))
        more = begin + self.pages < len(rows)
        after = f"<NextContinuationToken>{begin + self.pages}</NextContinuationToken>"
        rows = rows[begin : begin + self.pages]
        text = (
            "<?xml version='1.0'?><ListBucketResult"
            " xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
            f"<Name>{self.name}</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<KeyCount>{len(rows)}</KeyCount><MaxKeys>{self.pages}</MaxKeys>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{after if more else ''}"
            f"{''.join(rows)}</ListBucketResult>"
        )
        return Reply(200, {"Content-Type": "application/xml"}, text.encode())


_DATE = "2026-10-01T08:00:00.000Z"
_HTTP_DATE = "Thu, 01 Oct 2026 08:00:00 GMT"


def _tag(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def _is_over(query: Mapping[str, str]) -> bool:
    """Whether the time of a signed address is over, by either version of signing."""
    if "X-Amz-Date" in query:
        began = calendar.timegm(time.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))
        return time.time() >= began + int(query["X-Amz-Expires"])
    return time.time() >= float(query.get("Expires", "inf"))


def _refused(status: int, code: str, message: str = "") -> Reply:
    said = f"<Code>{code}</Code><Message>{message or code}</Message>"
    text = f"<?xml version='1.0'?><Error>{said}</Error>"
    return Reply(status, {"Content-Type": "application/xml"}, text.encode())
