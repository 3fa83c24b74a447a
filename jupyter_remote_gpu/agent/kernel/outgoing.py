"""`push_to_hub` where the weights lie: makes the files, and sends them to links that it is given.

No token comes here. Whoever has it is asked in `begin` for links to where the
bytes go, in `arrived` to put a file's parts together, in `finish` to publish.
Standard library alone: this runs in the user's environment on a machine.
"""

from __future__ import annotations

import base64
import hashlib
import inspect
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_remote_gpu import errors
from jupyter_remote_gpu.errors import DatasetError, RemoteGPUError, UnsafeWeightsError, UploadError
from jupyter_remote_gpu.protocol.work import Show, Work

from .sending import LinkEndedError, put
from .weights import state_of, write_weights

Ask = Callable[[dict[str, Any]], dict[str, Any]]
"""Puts a question to whoever has the token: `session.cell_push` says which."""

_PIECE_BYTES = 1 << 20
_SAMPLE_BYTES = 512
_MOST_INLINE_BYTES = 16 << 20
_LINKS = 3
_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".joblib", ".ckpt", ".bin")
_LEFT_OUT = ("__pycache__",)
_CARD = "README.md"


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
    show: Show = lambda text, done: None,
) -> str:
    """Publish a model, a state dict, a file or a folder as a model of the Hub; return its page.

    Blocks; `say` is told what was done, `show` how far it is. What the Hub has
    already is not sent again. Raises DatasetError and its kin, also those that
    `ask` answers with; nothing is published then.
    """
    with tempfile.TemporaryDirectory(prefix="push-to-hub-") as made:
        kind, found = _files(what, Path(made), say)
        pieces = _hashed(found, show)
        begin = {
            "step": "begin",
            "repo": repo,
            "private": private,
            "files": [piece.described() for piece in pieces],
        }
        begun = _answered(ask, begin)
        inline = _inline([piece for piece in pieces if piece.path in begun["inline"]])
        tags = _all_sent(
            repo,
            pieces,
            begun,
            lambda: _answered(ask, begin),
            lambda sent: _answered(ask, {"step": "arrived", "repo": repo, **sent}),
            show,
        )
        shown = {str(name): str(value) for name, value in (metrics or {}).items()}
        finish = {"step": "finish", "repo": repo, "kind": kind, "inline": inline, "tags": tags}
        page = str(_answered(ask, {**finish, "metrics": shown})["page"])
    say(f"published as {page}" + (", which only you can see" if private else ""))
    return page


def _hashed(found: Sequence[tuple[str, Path]], show: Show) -> list[Piece]:
    """Return the files with their sizes and digests; reads all of them."""
    sizes = [at.stat().st_size for _, at in found]
    work = Work("reading what is to go out", sum(sizes), show)
    return [
        Piece(path, at, size, _sha256(at, work))
        for (path, at), size in zip(found, sizes, strict=True)
    ]


def _all_sent(
    repo: str,
    pieces: Sequence[Piece],
    begun: dict[str, Any],
    renew: Callable[[], dict[str, Any]],
    arrived: Callable[[dict[str, Any]], object],
    show: Show,
) -> dict[str, list[str]]:
    """Send what the Hub does not have; return what its storage said of each file, by path.

    Parts are put together as soon as a file's are all there: new links begin it anew.
    """
    going = [piece for piece in pieces if piece.path in begun["send"]]
    work = Work(f"sending to {repo}", sum(piece.bytes for piece in going), show)
    tags: dict[str, list[str]] = {}
    for piece in going:
        begun, said = _sent(piece, begun, renew, work)
        if said and begun["send"][piece.path]["part_bytes"]:
            arrived({"path": piece.path, "tags": said})
        else:
            tags[piece.path] = said
    if going:
        count = "1 file" if len(going) == 1 else f"{len(going)} files"
        show(f"sent {count}, {work.text}, to {repo}", 1.0)
    return tags


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
) -> tuple[dict[str, Any], Sequence[tuple[str, Path]]]:
    """Return what goes out, as the card has to know it, and its files by their path there."""
    if isinstance(what, (str, os.PathLike)):
        return {"is": "files"}, _lying(Path(what), say)
    if callable(getattr(what, "save_pretrained", None)):
        known = inspect.signature(what.save_pretrained).parameters.values()
        # Older versions write pickles unless told; others know no such word.
        told = any(p.name == "safe_serialization" or p.kind is p.VAR_KEYWORD for p in known)
        what.save_pretrained(str(made), **({"safe_serialization": True} if told else {}))
        (made / _CARD).unlink(missing_ok=True)  # an empty form of the library's, not the user's
        return _class_of(what), _lying(made, say)
    state = state_of(what)
    if state is None:
        raise UnsafeWeightsError(
            f"A {type(what).__name__} has no weights that could be published.",
            hint="Give a model, its state_dict(), a dictionary of tensors, or the path of files.",
        )
    tied = write_weights(made, state)
    found = _lying(made, say)
    kind = "model" if state is not what else "weights"
    if not any(hasattr(tensor, "data_ptr") for tensor in state.values()):
        kind = "arrays"
    return {"is": kind, "tied": tied, "parts": len(found) > 1}, found


def _class_of(model: Any) -> dict[str, Any]:
    """Return by which class what saved itself is loaded again."""
    cls = type(model)
    loads = callable(getattr(cls, "from_pretrained", None))
    library = cls.__module__.partition(".")[0]
    return {"is": "pretrained" if loads else "files", "class": cls.__name__, "library": library}


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
    left: dict[str, str] = {}
    for at in sorted(root.rglob("*")):
        inside = at.relative_to(root)
        if not at.is_file() or any(part in _LEFT_OUT for part in inside.parts):
            continue
        why = _why_not(root, at, inside)
        if not why:
            found.append((inside.as_posix(), at))
        elif inside.parts[0] != ".git":
            hidden = [n for n, part in enumerate(inside.parts, 1) if part.startswith(".")]
            left["/".join(inside.parts[: hidden[0]] if hidden else inside.parts)] = why
    for name, why in left.items():
        say(f"left out: {name}, as {why}")
    if not found:
        raise UploadError(
            f"There is nothing in {root} that can be published.",
            hint="Hidden files, links that lead out of it, and files that may hold pickles are"
            " left out.",
        )
    return found


def _why_not(root: Path, at: Path, inside: Path) -> str:
    """Return why a file stays; "" if it may go."""
    if any(part.startswith(".") for part in inside.parts):
        return "hidden files may hold secrets"
    if root.resolve() not in at.resolve().parents:
        return "it is a link that leads out of the folder"
    return "it may hold pickles" if _unsafe(at) else ""


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
    piece: Piece, begun: dict[str, Any], renew: Callable[[], dict[str, Any]], work: Work
) -> tuple[dict[str, Any], list[str]]:
    """Send a file to its links; ask for new ones where they ended. The storage's tags are returned.

    A part that broke is sent again from its beginning; with new links, the whole file.
    """
    last = ""
    for _ in range(_LINKS):
        if piece.path not in begun["send"]:
            work.add(piece.bytes)
            return begun, []  # it arrived after all
        to = begun["send"][piece.path]
        size = int(to["part_bytes"]) or piece.bytes
        tags: list[str] = []
        gone = 0
        try:
            for number, url in enumerate(to["parts"]):
                begin = number * size
                count = min(size, piece.bytes - begin)
                tags.append(put(piece.at, begin, count, url, to["headers"], work))
                gone += count
        except LinkEndedError as error:
            last = str(error)
            work.add(-gone)
            begun = renew()
        else:
            return begun, tags
    raise UploadError(
        f"The Hub's storage does not take {piece.path}: {last}.",
        hint="Try again later; files that arrived are not sent again.",
    )


def _sha256(path: Path, work: Work) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            work.add(len(piece))
    return digest.hexdigest()
