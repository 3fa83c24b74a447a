"""`push_to_hub` where the weights lie: makes the files, and sends them to links that it is given.

No token comes here. Whoever has it is asked twice, in `begin` for links to
where the bytes go, in `finish` to publish what arrived. Standard library alone:
this runs in the user's environment on a machine.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import inspect
import os
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_remote_gpu import errors
from jupyter_remote_gpu.errors import DatasetError, RemoteGPUError, UnsafeWeightsError, UploadError

from .weights import FILE, state_of, write_weights

Ask = Callable[[dict[str, Any]], dict[str, Any]]
"""Puts a question to whoever has the token: `session.cell_push` says which."""

_PIECE_BYTES = 1 << 20
_SAMPLE_BYTES = 512
_MOST_INLINE_BYTES = 16 << 20
_TRIES = 4
_LINKS = 3
_PAUSE_SECONDS = 0.5
_TIMEOUT_SECONDS = 60
_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".joblib", ".ckpt", ".bin")
_LEFT_OUT = ("__pycache__",)


@dataclass(frozen=True, slots=True)
class Piece:
    """A file that goes out: its path in the repository, where it lies, size and SHA-256."""

    path: str
    at: Path
    bytes: int
    sha256: str

    def described(self) -> dict[str, Any]:
        """Return what the Hub wants to know of it before it is sent."""
        with self.at.open("rb") as file:
            sample = base64.b64encode(file.read(_SAMPLE_BYTES)).decode()
        return {"path": self.path, "bytes": self.bytes, "sha256": self.sha256, "sample": sample}


def push(
    what: Any,
    repo: str,
    ask: Ask,
    *,
    private: bool = True,
    metrics: Mapping[str, Any] | None = None,
    say: Callable[[str], None] = print,
) -> str:
    """Publish a model, a state dict, a file or a folder as a model of the Hub; return its page.

    Blocks. What the Hub has already is not sent again. Raises DatasetError and its
    kin, also those that `ask` answers with; nothing is published then.
    """
    with tempfile.TemporaryDirectory(prefix="push-to-hub-") as made:
        kind, found = _files(what, Path(made), say)
        pieces = [Piece(path, at, at.stat().st_size, _sha256(at)) for path, at in found]
        begin = {
            "step": "begin",
            "repo": repo,
            "private": private,
            "files": [piece.described() for piece in pieces],
        }
        begun = _answered(ask, begin)
        inline = _inline([piece for piece in pieces if piece.path in begun["inline"]])
        tags: dict[str, list[str]] = {}
        for piece in pieces:
            if piece.path in begun["send"]:
                say(f"sending {piece.path} ({piece.bytes / 1e6:.1f} MB) to {repo}")
                begun, tags[piece.path] = _sent(piece, begun, lambda: _answered(ask, begin))
        shown = {str(name): str(value) for name, value in (metrics or {}).items()}
        finish = {"step": "finish", "repo": repo, "kind": kind, "inline": inline, "tags": tags}
        page = str(_answered(ask, {**finish, "metrics": shown})["page"])
    say(f"published as {page}" + (", which only you can see" if private else ""))
    return page


def _answered(ask: Ask, question: dict[str, Any]) -> dict[str, Any]:
    """Return the answer, or raise the error that is one."""
    answer = ask(question)
    if "message" not in answer:
        return answer
    kind = getattr(errors, str(answer.get("kind")), DatasetError)
    if not (isinstance(kind, type) and issubclass(kind, RemoteGPUError)):
        kind = DatasetError
    raise kind(str(answer["message"]), hint=answer.get("hint"))


def _files(
    what: Any, made: Path, say: Callable[[str], None]
) -> tuple[str, Sequence[tuple[str, Path]]]:
    """Return what kind of thing goes out, and its files by their path there."""
    if isinstance(what, (str, os.PathLike)):
        return "files", _lying(Path(what), say)
    if callable(getattr(what, "save_pretrained", None)):
        known = inspect.signature(what.save_pretrained).parameters.values()
        # Older versions write pickles unless told; others know no such word.
        told = any(p.name == "safe_serialization" or p.kind is p.VAR_KEYWORD for p in known)
        what.save_pretrained(str(made), **({"safe_serialization": True} if told else {}))
        return "pretrained", _lying(made, say)
    state = state_of(what)
    if state is None:
        raise UnsafeWeightsError(
            f"A {type(what).__name__} has no weights that could be published.",
            hint="Give a model, its state_dict(), a dictionary of tensors, or the path of files.",
        )
    write_weights(made / FILE, state)
    return "state", [(FILE, made / FILE)]


def _lying(root: Path, say: Callable[[str], None]) -> list[tuple[str, Path]]:
    if not root.exists():
        raise UploadError(f"There is no {root} to publish.", hint=f"Looked in {Path.cwd()}.")
    if root.is_file():
        if _unsafe(root):
            raise UnsafeWeightsError(
                f"{root.name} may hold pickles, which can run code on whoever loads them; it was"
                " not published.",
                hint="Load it and publish the weights: `push_to_hub(model.state_dict(), …)`.",
            )
        return [(root.name, root)]
    found: list[tuple[str, Path]] = []
    for at in sorted(root.rglob("*")):
        inside = at.relative_to(root)
        # Hidden files may be secrets; a link may lead out of the folder.
        hidden = any(part.startswith(".") or part in _LEFT_OUT for part in inside.parts)
        if hidden or not at.is_file() or root.resolve() not in at.resolve().parents:
            continue
        if _unsafe(at):
            say(f"left out: {inside}, as it may hold pickles")
        else:
            found.append((inside.as_posix(), at))
    if not found:
        raise UploadError(
            f"There is nothing in {root} that can be published.",
            hint="Hidden files, and those that may hold pickles, are left out.",
        )
    return found


def _unsafe(path: Path) -> bool:
    return path.name.lower().endswith(_PICKLES)


def _inline(pieces: Sequence[Piece]) -> dict[str, str]:
    """Return the small files, which travel with the question: they are part of the commit."""
    together = sum(piece.bytes for piece in pieces)
    if together > _MOST_INLINE_BYTES:
        raise UploadError(
            f"The Hub wants {len(pieces)} small files in one piece, {together} bytes, more than"
            f" the {_MOST_INLINE_BYTES} that are sent so.",
            hint="Publish a folder with fewer of them.",
        )
    return {piece.path: base64.b64encode(piece.at.read_bytes()).decode() for piece in pieces}


def _sent(
    piece: Piece, begun: dict[str, Any], renew: Callable[[], dict[str, Any]]
) -> tuple[dict[str, Any], list[str]]:
    """Send a file to its links; ask for new ones where they ended. The storage's tags are returned.

    A part that broke is sent again from its beginning; with new links, the whole file.
    """
    tags: list[str] = []
    last = ""
    for _ in range(_LINKS):
        if piece.path not in begun["send"]:
            return begun, []  # it arrived after all
        to = begun["send"][piece.path]
        size = int(to["part_bytes"]) or piece.bytes
        tags = []
        try:
            for number, url in enumerate(to["parts"]):
                begin = number * size
                count = min(size, piece.bytes - begin)
                tags.append(_put(piece.at, begin, count, url, to["headers"]))
        except _EndedError as error:
            last = str(error)
            begun = renew()
        else:
            return begun, tags
    raise UploadError(
        f"The Hub's storage does not take {piece.path}: {last}.",
        hint="Try again later; files that arrived are not sent again.",
    )


class _EndedError(Exception):
    """The link works no more."""


def _put(path: Path, begin: int, count: int, url: str, headers: Mapping[str, str]) -> str:
    """Send a part of a file; return the storage's tag. Tried again where the network fails."""
    for turn in range(_TRIES):
        sent = {**headers, "Content-Length": str(count), "Content-Type": "application/octet-stream"}
        request = urllib.request.Request(
            url, data=_pieces(path, begin, count), headers=sent, method="PUT"
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as reply:
                return str(reply.headers.get("ETag", ""))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500 and error.code not in (408, 429):
                raise _EndedError(f"it answered {error.code}") from None
            why = f"it answered {error.code}"
        except (OSError, http.client.HTTPException) as error:
            # What it says may hold the link, which is as good as a key: only its kind is told.
            reason = getattr(error, "reason", error)
            why = f"the connection broke ({type(reason).__name__})"
        if turn < _TRIES - 1:
            time.sleep(_PAUSE_SECONDS * 2**turn)
    raise UploadError(
        f"The Hub's storage could not be reached to send {path.name}: {why}.",
        hint="Try again; files that arrived are not sent again. May this computer reach the"
        " internet? If not, pull the weights and publish them from a local cell.",
    )


def _pieces(path: Path, begin: int, count: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(begin)
        while count > 0 and (piece := file.read(min(_PIECE_BYTES, count))):
            count -= len(piece)
            yield piece


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
