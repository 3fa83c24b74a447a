"""What a cell's `push_to_hub(…)` asks for: links for its files, then the commit; the token is here.

What comes from a machine is checked like anything from outside: it decides what is
in the files, and nothing else.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from jupyter_remote_gpu.datasets.model_card import KINDS, Made, Record, card_text
from jupyter_remote_gpu.datasets.paths import checked_path
from jupyter_remote_gpu.errors import NotAvailableError, ProtocolError, RemoteGPUError

from .cell_words import texts_in

if TYPE_CHECKING:
    from jupyter_remote_gpu.datasets.hub_uploads import HubUploads, Offered, Upload

_MOST_FILES = 10_000
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}\Z")
_OPEN = re.compile(r"\bprivate\s*=\s*False\b")


class CellPush:
    """Answers the questions of `agent.kernel.outgoing.push`; used by the cell's thread, blocks.

    `record` says what is known of how the weights came about. A machine that is not
    trusted publishes only what the cell's text names, and openly only if that says so.
    """

    def __init__(
        self,
        record: Callable[[], Record],
        *,
        trusted: bool,
        uploads: HubUploads | None = None,
    ) -> None:
        self._record = record
        self._trusted = trusted
        self._hub = uploads
        self._begun: dict[str, Upload] = {}

    def answer(self, asked: Mapping[str, Any], source: str) -> dict[str, Any]:
        """Return the answer to a cell of text `source`; an error of the tree is one, too."""
        try:
            if asked.get("step") == "begin":
                return self._begin(asked, source)
            if asked.get("step") == "arrived":
                return self._arrived(asked)
            return self._finish(asked)
        except RemoteGPUError as error:
            return {"kind": type(error).__name__, "message": error.message, "hint": error.hint}

    def _begin(self, asked: Mapping[str, Any], source: str) -> dict[str, Any]:
        repo, private = str(asked.get("repo")), asked.get("private") is not False
        if not self._trusted:
            _require_named(repo, source, private=private)
        upload = self._uploads().begin(repo, _offered(asked.get("files")), private=private)
        self._begun[repo] = upload
        send = {
            path: {"parts": to.parts, "part_bytes": to.part_bytes, "headers": to.headers}
            for path, to in upload.targets.items()
        }
        return {"send": send, "inline": sorted(upload.inline)}

    def _arrived(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        upload, path, tags = self._upload(asked), asked.get("path"), asked.get("tags")
        if not isinstance(path, str) or path not in upload.targets or not _lists({"": tags}):
            raise _wrong()
        assert isinstance(tags, list)
        self._uploads().arrived(upload, path, tags)
        return {}

    def _upload(self, asked: Mapping[str, Any]) -> Upload:
        """Return the publishing that was begun for what a machine asks."""
        repo = str(asked.get("repo"))
        if repo not in self._begun:
            raise NotAvailableError(
                f"the publishing of {repo} was begun by a notebook kernel that has ended",
                hint="Run the cell again: files that arrived are not sent again.",
            )
        return self._begun[repo]

    def _finish(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        repo, made = str(asked.get("repo")), _made(asked.get("kind"))
        upload = self._upload(asked)
        del self._begun[repo]
        inline, tags, metrics = (asked.get(name) for name in ("inline", "tags", "metrics"))
        if not _texts(inline) or not _texts(metrics) or not _lists(tags):
            raise _wrong()
        assert isinstance(inline, dict) and isinstance(metrics, dict) and isinstance(tags, dict)
        if set(inline) != upload.inline:
            raise _wrong()
        known = self._record()
        record = Record(known.data, known.cells, metrics)
        texts = {path: _decoded(text) for path, text in inline.items()}

        def card(before: str) -> str:
            return card_text(repo, made, record, before)

        return {"page": self._uploads().finish(upload, texts, tags, card)}

    def _uploads(self) -> HubUploads:
        if self._hub is None:
            # What speaks to servers is loaded when something is first published.
            from jupyter_remote_gpu.datasets.hub_uploads import HubUploads

            self._hub = HubUploads()
        return self._hub


def _made(said: object) -> Made:
    """Return what a machine says that it publishes: one of the known kinds, with plain names."""
    if not isinstance(said, dict) or said.get("is") not in KINDS:
        raise _wrong()
    name, library = (str(said.get(word, "")) for word in ("class", "library"))
    if not all(word == "" or _NAME.match(word) for word in (name, library)):
        raise _wrong()
    return Made(said["is"], name, library, bool(said.get("tied")), bool(said.get("parts")))


def _require_named(repo: str, source: str, *, private: bool) -> None:
    if "push_to_hub" not in source or repo not in texts_in(source):
        raise NotAvailableError(
            f"the machine wants to publish {repo[:200]}, which the cell does not name",
            hint='Write it in the cell as it is: `push_to_hub(model, "OWNER/NAME")`.',
        )
    if not private and not _OPEN.search(source):
        raise NotAvailableError(
            f"the machine wants to publish {repo[:200]} for all, which the cell does not say",
            hint="Write `private=False` in the cell.",
        )


def _offered(rows: object) -> list[Offered]:
    from jupyter_remote_gpu.datasets.hub_uploads import Offered

    if not isinstance(rows, list) or not 0 < len(rows) <= _MOST_FILES:
        raise _wrong()
    found: list[Offered] = []
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("bytes"), int):
            raise _wrong()
        path, digest, sample = (row.get(name) for name in ("path", "sha256", "sample"))
        if not (isinstance(path, str) and isinstance(digest, str) and isinstance(sample, str)):
            raise _wrong()
        if row["bytes"] < 0 or not _SHA256.match(digest) or len(sample) > 1024:
            raise _wrong()
        found.append(Offered(checked_path(path), row["bytes"], digest, sample))
    return found


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise _wrong() from None


def _texts(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(k, str) and isinstance(v, str) for k, v in value.items()
    )


def _lists(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(v, list) and all(isinstance(one, str) for one in v) for v in value.values()
    )


def _wrong() -> ProtocolError:
    return ProtocolError("the machine asks to publish in a way that cannot be read")
