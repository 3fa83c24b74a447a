"""An emulator of the Hugging Face Hub: repositories, commits, gates, large storage, uploads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from .serving import Asked, Emulator, Reply, in_part, json_reply
from .storage import Storage
from .uploads import Uploads

TOKEN = "hf_0123456789abcdefABCDEF0123456789ab"
USER = "alice"
LARGE_BYTES = 10_000
"""From here on a file lies in the large storage; the Hub's own limit is 10 MB."""

Files = Mapping[str, bytes]


@dataclass
class Repository:
    """Commits of files, the last being `main`; who may read it."""

    commits: list[Files]
    private: bool = False
    gated: bool = False
    accepted: set[str] = field(default_factory=set)
    moved_to: str = ""

    def names(self) -> dict[str, Files]:
        """Return every commit by its hash, the newest last."""
        numbered = enumerate(self.commits)
        return {hashlib.sha1(f"{n}".encode()).hexdigest(): files for n, files in numbered}

    def find(self, revision: str) -> tuple[str, Files] | None:
        """Return hash and files of a revision; `v1`, `v2`… are tags of the commits."""
        names = list(self.names().items())
        if revision in ("main", "HEAD"):
            return names[-1]
        if revision.startswith("v") and revision[1:].isdigit():
            at = int(revision[1:])
            return names[at - 1] if 0 < at <= len(names) else None
        return next((one for one in names if one[0] == revision), None)


class Hub(Emulator):
    """The Hub as far as files go. `pages` is how many entries a listing's page has."""

    def __init__(self, storage: Storage) -> None:
        super().__init__()
        self.storage = storage
        self.behind = [storage]
        self.repositories: dict[str, Repository] = {}
        self.tokens = {TOKEN: USER}
        self.pages = 1000
        self.uploads = Uploads(self)

    def create(self, key: str, *, private: bool) -> None:
        """Make a repository with one commit of nothing."""
        self.repositories[key] = Repository([{}], private)

    def answer(self, asked: Asked) -> Reply:
        """Answer the interface's calls and the addresses of files."""
        user = self._user(asked)
        if user is None:
            return refused(401, "", "Invalid credentials in Authorization header")
        path = asked.path.strip("/")
        if asked.method == "POST":
            return self.uploads.answer(asked, path, user)
        if path.startswith("api/"):
            return self._api(asked, path.removeprefix("api/"), user)
        name, _, rest = path.partition("/resolve/")
        key = name if name.startswith("datasets/") else f"models/{name}"
        return self._file(asked, key, rest, user)

    def _user(self, asked: Asked) -> str | None:
        if not asked.authorization:
            return ""
        return self.tokens.get(asked.authorization.removeprefix("Bearer "))

    def _api(self, asked: Asked, path: str, user: str) -> Reply:
        parts = path.split("/")
        # A name is one or two parts: what follows tells.
        for length in (2, 3):
            key, rest = "/".join(parts[:length]), parts[length:]
            if key in self.repositories:
                break
        else:
            return refused(401 if not user else 404, "RepoNotFound", "Repository not found")
        found = self.repositories[key]
        if found.private and not user:
            return refused(401, "RepoNotFound", "Repository not found")
        revision = self._revision(found, rest[1:] if rest else ["main"])
        if revision is None:
            return refused(404, "RevisionNotFound", "Invalid rev id")
        commit, files, inside = revision
        if rest[:1] == ["tree"]:
            return self._tree(asked, files, inside)
        said = {
            "id": key.partition("/")[2],
            "sha": commit,
            "private": found.private,
            "gated": "auto" if found.gated else False,
            "siblings": [{"rfilename": path} for path in files],
        }
        return json_reply(said)

    def _revision(self, found: Repository, parts: list[str]) -> tuple[str, Files, str] | None:
        one = found.find(parts[0])
        return (*one, "/".join(parts[1:])) if one else None

    def _tree(self, asked: Asked, files: Files, folder: str) -> Reply:
        inside = f"{folder}/" if folder else ""
        below = [_row(path, data) for path, data in files.items() if path.startswith(inside)]
        if folder and not below:
            return refused(404, "EntryNotFound", "Entry not found")
        folders = {path[:at] for path in files for at, sign in enumerate(path) if sign == "/"}
        inner = [path for path in sorted(folders) if path.startswith(inside)]
        rows = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": p} for p in inner]
        rows += below
        begin = int(asked.query.get("cursor", "0"))
        reply = json_reply(rows[begin : begin + self.pages])
        if begin + self.pages < len(rows):
            to = f"{self.url}{quote(asked.path)}?recursive=true&cursor={begin + self.pages}"
            reply.headers["Link"] = f'<{to}>; rel="next"'
        return reply

    def _file(self, asked: Asked, key: str, rest: str, user: str) -> Reply:
        found = self.repositories.get(key)
        if found is None or (found.private and not user):
            return refused(404 if user else 401, "RepoNotFound", "Repository not found")
        if found.moved_to:
            to = asked.path.replace(key.removeprefix("models/"), found.moved_to)
            return Reply(307, {"Location": quote(to)})
        if found.gated and user not in found.accepted:
            return refused(403 if user else 401, "GatedRepo", f"Access to {key} is restricted.")
        revision, _, path = rest.partition("/")
        one = found.find(revision)
        if one is None:
            return refused(404, "RevisionNotFound", "Invalid rev id")
        commit, files = one
        if path not in files:
            return refused(404, "EntryNotFound", "Entry not found")
        return self._bytes(asked, key, path, commit, files[path])

    def _bytes(self, asked: Asked, key: str, path: str, commit: str, data: bytes) -> Reply:
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if len(data) < LARGE_BYTES:
            headers["ETag"] = f'"{git_blob(data)}"'
            return in_part(asked, data, headers)
        name = hashlib.sha256(data).hexdigest()
        where = f"/lfs/{key}/{name}"
        if where not in self.storage.objects:
            self.storage.put(where, data)
        headers["X-Linked-Size"], headers["X-Linked-Etag"] = str(len(data)), f'"{name}"'
        return Reply(302, {**headers, "Location": self.storage.signed(where)})


def git_blob(data: bytes) -> str:
    """Return Git's name of a file's bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _row(path: str, data: bytes) -> dict[str, object]:
    row: dict[str, object] = {
        "type": "file",
        "oid": git_blob(data),
        "size": len(data),
        "path": path,
    }
    if len(data) >= LARGE_BYTES:
        large = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 132}
        row.update(oid="1" * 40, lfs=large)
    return row


def refused(status: int, code: str, message: str) -> Reply:
    """Return a refusal as the Hub words it."""
    headers = {"X-Error-Message": message}
    if code:
        headers["X-Error-Code"] = code
    return json_reply({"error": message}, status, **headers)
