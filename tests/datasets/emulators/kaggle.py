"""An emulator of Kaggle's web interface: datasets, competitions, models, accounts, rules.

Its paths begin with /v1 as Kaggle's own, or with /api/v1: so do the programs of
Kaggle speak when KAGGLE_API_ENVIRONMENT is LOCALHOST, and with HTTP_PROXY set to
this emulator they reach it unchanged.
"""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from .serving import Asked, Emulator, Reply, json_reply
from .storage import Storage

TOKEN = "KGAT_0123456789abcdef0123456789abcdef"
KEY = "0123456789abcdef0123456789abcdef"
REFRESH = "kaggle_refresh_0123456789abcdef"
USER = "alice"
RULES = "You must accept this competition's rules before you'll be able to download files."

Files = Mapping[str, bytes]


@dataclass
class Dataset:
    """Versions of files, the first being 1. `packed` files are served as a zip of one each."""

    versions: list[Files]
    private: bool = False
    packed: frozenset[str] = frozenset()


@dataclass
class Competition:
    """Files, and who has accepted the rules. `tarred`: its archive is no zip, as some are."""

    files: Files
    accepted: set[str] = field(default_factory=set)
    tarred: bool = False


def zipped(files: Files, *, stored: bool = False) -> bytes:
    """Return files as a zip archive, the same bytes each time."""
    out = io.BytesIO()
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(out, "w", method) as archive:
        for path, data in files.items():
            info = zipfile.ZipInfo(path, (2026, 10, 1, 8, 0, 0))
            archive.writestr(info, data, method, compresslevel=1)
    return out.getvalue()


def tarred(files: Files) -> bytes:
    """Return files as a packed tar archive, the same bytes each time."""
    out = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Kaggle(Emulator):
    """Kaggle as far as downloads go; the bytes are in `storage`, which has an origin of its own.

    `answers_200` has refusals come with status 200 and the code in the body, as
    Kaggle sometimes does; `pages` is how many rows a listing's page has at most.
    """

    def __init__(self, storage: Storage) -> None:
        super().__init__()
        self.storage = storage
        self.behind = [storage]
        self.datasets: dict[str, Dataset] = {}
        self.competitions: dict[str, Competition] = {}
        self.models: dict[str, list[Files]] = {}
        self.tokens = {TOKEN: USER}
        self.answers_200 = False
        self.pages = 200
        self._archives: list[tuple[Files, bytes]] = []

    def answer(self, asked: Asked) -> Reply:
        """Answer one method's call."""
        path = asked.path.removeprefix("/api")
        _, version, service, method = (path.split("/") + [""] * 4)[:4]
        if asked.method != "POST" or version != "v1":
            return self._refused(404, "Not found")
        if method == "GenerateAccessToken":
            return self._login(asked.json)
        user = self._user(asked)
        if user is None:
            return self._refused(401, "Unauthenticated")
        said = asked.json
        match service:
            case "datasets.DatasetApiService":
                return self._dataset(method, said, user)
            case "competitions.CompetitionApiService":
                return self._competition(method, said, user)
            case "models.ModelApiService":
                return self._model(method, said)
        return self._refused(404, "Not found")

    def _user(self, asked: Asked) -> str | None:
        """Return who asks: "" for nobody, None for a credential that is not known."""
        kind, _, secret = asked.authorization.partition(" ")
        if kind == "Bearer":
            return self.tokens.get(secret)
        if kind == "Basic":
            right = base64.b64encode(f"{USER}:{KEY}".encode()).decode()
            return USER if secret == right else None
        return ""

    def _login(self, said: Mapping[str, object]) -> Reply:
        if said.get("refreshToken") != REFRESH:
            return self._refused(401, "Invalid refresh token")
        token = f"KGAT_renewed{len(self.asked):020}"
        self.tokens[token] = USER
        return json_reply({"token": token, "expiresIn": 3600, "userName": USER, "userId": 1})

    def _dataset(self, method: str, said: Mapping[str, object], user: str) -> Reply:
        name = f"{said.get('ownerSlug')}/{said.get('datasetSlug')}"
        found = self.datasets.get(name)
        if found is None:
            return self._refused(404, "Dataset not found")
        if found.private and user != USER:
            return self._refused(403, "Permission 'datasets.get' was denied")
        number = int(str(said.get("datasetVersionNumber") or len(found.versions)))
        if not 0 < number <= len(found.versions):
            return self._refused(404, "Version not found")
        files = found.versions[number - 1]
        match method:
            case "GetDataset":
                return json_reply(
                    {"ref": name, "currentVersionNumber": number, "isPrivate": found.private}
                )
            case "ListTreeDatasetFiles":
                return self._tree(files, said)
            case "DownloadDataset":
                where = f"/datasets/{name}/{number}"
                file = str(said.get("fileName") or "")
                return self._download(where, files, file, found.packed)
        return self._refused(404, "Not found")

    def _competition(self, method: str, said: Mapping[str, object], user: str) -> Reply:
        name = str(said.get("competitionName"))
        found = self.competitions.get(name)
        if not user:
            return self._refused(401, "Unauthenticated")
        if found is None:
            return self._refused(404, "Competition not found")
        if user not in found.accepted:
            return self._refused(403, RULES)
        match method:
            case "DownloadDataFiles":
                pack = tarred if found.tarred else zipped
                return self._download(f"/competitions/{name}", found.files, "", pack=pack)
            case "DownloadDataFile":
                file = str(said.get("fileName"))
                return self._download(f"/competitions/{name}", found.files, file)
            case "ListDataTreeFiles":
                return self._tree(found.files, said)
        return self._refused(404, "Not found")

    def _model(self, method: str, said: Mapping[str, object]) -> Reply:
        parts = ("ownerSlug", "modelSlug", "framework", "instanceSlug")
        name = "/".join(str(said.get(part)) for part in parts)
        versions = self.models.get(name)
        if versions is None:
            return self._refused(404, "Model not found")
        number = int(str(said.get("versionNumber") or len(versions)))
        files = versions[number - 1]
        match method:
            case "GetModelInstance":
                return json_reply({"versionNumber": number})
            case "ListModelInstanceVersionFiles":
                size = int(str(said.get("pageSize") or 20))
                rows = [{"name": path, "size": len(data)} for path, data in files.items()]
                more = {"nextPageToken": "next"} if len(rows) > size else {}
                return json_reply({"files": rows[:size], **more})
            case "DownloadModelInstanceVersion":
                path = str(said.get("path") or "")
                return self._download(f"/models/{name}/{number}", files, path, pack=tarred)
        return self._refused(404, "Not found")

    def _download(
        self,
        where: str,
        files: Files,
        file: str,
        packed: frozenset[str] = frozenset(),
        pack: Callable[[Files], bytes] = zipped,
    ) -> Reply:
        """Redirect to the storage, which gets the object with the first who asks."""
        if file and file not in files:
            return self._refused(404, "File not found")
        path = f"{where}/{file or ('archive.zip' if pack is zipped else 'archive.tar.gz')}"
        data = files.get(file)
        if data is None:
            data = self._packed(files, pack)
        elif file in packed:
            path, data = f"{path}.zip", zipped({PurePosixPath(file).name: data})
        before = self.storage.objects.get(path)
        if before is None or before.data != data:
            self.storage.put(path, data)
        return Reply(302, {"Location": self.storage.signed(path)})

    def _packed(self, files: Files, pack: Callable[[Files], bytes]) -> bytes:
        """Return the archive, packed once: packing takes longer than sending."""
        for known, archive in self._archives:
            if known is files:
                return archive
        self._archives.append((files, pack(files)))
        return self._archives[-1][1]

    def _tree(self, files: Files, said: Mapping[str, object]) -> Reply:
        """Return a page of one level of a folder, as the interface lists it."""
        folder = str(said.get("path") or "")
        below = [path for path in files if path.startswith(f"{folder}/")]
        here = [path for path in below if "/" not in path[len(folder) + 1 :]]
        inner = {path[: path.index("/", len(folder) + 1)] for path in below if path not in here}
        rows = [{**_row(path), "totalBytes": len(files[path])} for path in here]
        begin, size = int(str(said.get("pageToken") or 0)), int(str(said.get("pageSize") or 20))
        end = begin + min(size, self.pages)
        page: dict[str, object] = {"files": rows[begin:end]}
        if end < len(rows):
            page["nextPageToken"] = str(end)
        # Folders come with the first page.
        page["directories"] = [] if begin else [_row(path) for path in sorted(inner)]
        return json_reply(page)

    def _refused(self, code: int, message: str) -> Reply:
        status = 200 if self.answers_200 else code
        return json_reply({"code": code, "message": message}, status)


def _row(path: str) -> dict[str, object]:
    return {"name": PurePosixPath(path).name, "relativeUrl": path}
