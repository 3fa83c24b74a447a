"""Kaggle's datasets, competitions and models as a source: signed links, no token leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from jupyter_remote_gpu.errors import NoSuchDataError, SourceDownError

from .addresses import expires_at
from .kaggle_calls import KaggleCalls, page
from .paths import checked_path
from .probing import probe
from .reference import Kind, Reference, is_archive
from .source import Link, RemoteFile, Resolved, Source

_AT_ONCE = 8
_PAGE = 200
_MAX_FOLDER_FILES = 500
_MAX_SEPARATE_FILES = 25
"""A model of so many files comes as files; one of more as an archive, as with Kaggle's own."""

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Ask:
    """One method of Kaggle's and what it is to be sent."""

    service: str
    method: str
    body: Body


class KaggleSource(Source):
    """What Kaggle keeps. The machine gets signed links; the token stays in this process."""

    def __init__(self, calls: KaggleCalls | None = None) -> None:
        self._calls = calls or KaggleCalls()

    def resolve(self, reference: Reference) -> Resolved:
        """Ask for the newest version if none was named, and what its download is."""
        fixed = reference.at(self._version(reference))
        files = self._files(fixed)
        version = fixed.version
        if reference.kind is Kind.COMPETITION:
            version = _told_apart(files)
        known = self._calls.credential() is not None
        plain = tuple(file for file, _ in files)
        return Resolved(reference, version, plain, not known, page(reference))

    def links(self, resolved: Resolved, files: Sequence[RemoteFile]) -> list[Link]:
        """Ask Kaggle for a signed link to each file."""
        competition = resolved.reference.kind is Kind.COMPETITION
        fixed = resolved.reference.at("" if competition else resolved.version)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda file: self._link(fixed, _wanted(file)), files))

    def _version(self, about: Reference) -> str:
        if about.version or about.kind is Kind.COMPETITION:
            return about.version
        if about.kind is Kind.KAGGLE:
            service, method, field = _DATASETS, "GetDataset", "currentVersionNumber"
        else:
            service, method, field = _MODELS, "GetModelInstance", "versionNumber"
        number = self._calls.call(about, service, method, _names(about)).get(field)
        if not isinstance(number, int) or number < 1:
            raise SourceDownError(
                f"Kaggle does not say which version of {about.text} is the newest.",
                hint=f"Name one: {about.text}@NUMBER. They are listed at {page(about)}.",
            )
        return str(number)

    def _files(self, fixed: Reference) -> list[tuple[RemoteFile, str]]:
        """Return the files to fetch, each with what tells its contents from others'."""
        if not fixed.path and fixed.kind is Kind.KAGGLE_MODEL:
            listed = self._model_files(fixed)
            if listed:
                return self._each(fixed, listed)
        if not fixed.path:
            return [self._probed(fixed, "")]
        try:
            return [self._probed(fixed, fixed.path)]
        except NoSuchDataError:
            inside = self._folder(fixed)
            if not inside:
                raise
        return self._each(fixed, inside)

    def _each(self, fixed: Reference, paths: Sequence[str]) -> list[tuple[RemoteFile, str]]:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda path: self._probed(fixed, path), paths))

    def _probed(self, fixed: Reference, path: str) -> tuple[RemoteFile, str]:
        """Return one file, or with no path the archive of all, as its storage describes it."""
        link = self._link(fixed, path)
        answer, said = probe(self._calls.web, link)
        if answer.status >= 400 and answer.status != 416:
            raise self._calls.refused(fixed, answer)
        served = PurePosixPath(unquote(urlsplit(link.url).path)).name
        if not path:
            name = served if is_archive(served) else "archive.zip"
            return RemoteFile(checked_path(name), said.bytes, said.digests, True), said.version
        # Kaggle packs some single files on its own: train.csv comes as train.csv.zip.
        name = PurePosixPath(path).name
        only = name if served == f"{name}.zip" else ""
        return RemoteFile(path, said.bytes, said.digests, bool(only), only), said.version

    def _link(self, fixed: Reference, path: str) -> Link:
        ask = _download(fixed, path)
        url = self._calls.location(fixed, ask.service, ask.method, ask.body)
        return Link(url, expires_at=expires_at(url))

    def _model_files(self, fixed: Reference) -> list[str]:
        """Return the names of a model's files; none if they are too many to fetch one by one."""
        body = {**_names(fixed), "versionNumber": int(fixed.version)}
        body["pageSize"] = _MAX_SEPARATE_FILES
        said = self._calls.call(fixed, _MODELS, "ListModelInstanceVersionFiles", body)
        if said.get("nextPageToken"):
            return []
        return [checked_path(one["name"]) for one in _rows(said, "files")]

    def _folder(self, fixed: Reference) -> list[str]:
        """Return the paths of all files below a folder of a dataset or competition."""
        if fixed.kind is Kind.KAGGLE_MODEL:
            return []
        found: list[str] = []
        folders, seen = [fixed.path], {fixed.path}
        while folders:
            folder = folders.pop()
            for said in self._pages(fixed, folder):
                found += [_below(folder, one["relativeUrl"]) for one in _rows(said, "files")]
                inner = {_below(folder, one["relativeUrl"]) for one in _rows(said, "directories")}
                folders += sorted(inner - seen)
                seen |= inner
            if len(found) > _MAX_FOLDER_FILES:
                raise SourceDownError(
                    f"{fixed.text} has more than {_MAX_FOLDER_FILES} files, which Kaggle gives"
                    " only one by one.",
                    hint="Ask for the whole dataset: it comes as one archive.",
                )
        return sorted(set(found))

    def _pages(self, fixed: Reference, folder: str) -> list[dict[str, object]]:
        """Return all pages of a folder's listing."""
        token, pages, seen = "", list[dict[str, object]](), {""}
        service, method = _DATASETS, "ListTreeDatasetFiles"
        if fixed.kind is Kind.COMPETITION:
            service, method = _COMPETITIONS, "ListDataTreeFiles"
        while True:
            body = {**_names(fixed), **_numbered(fixed), "path": folder, "pageSize": _PAGE}
            if token:
                body["pageToken"] = token
            pages.append(self._calls.call(fixed, service, method, body))
            token = str(pages[-1].get("nextPageToken") or "")
            if token in seen:
                return pages
            seen.add(token)


_DATASETS = "datasets.DatasetApiService"
_COMPETITIONS = "competitions.CompetitionApiService"
_MODELS = "models.ModelApiService"
_FRAMEWORKS = (
    "TENSOR_FLOW_1", "TENSOR_FLOW_2", "TF_LITE", "TF_JS", "PY_TORCH", "JAX", "FLAX", "PAX",
    "MAX_TEXT", "GEMMA_CPP", "GGML", "GGUF", "CORAL", "SCIKIT_LEARN", "MXNET", "ONNX", "KERAS",
    "TRANSFORMERS", "API", "OTHER", "TENSOR_RT_LLM", "TRITON", "VLLM",
)  # fmt: skip


def _names(about: Reference) -> dict[str, object]:
    """Return the fields that name a dataset, competition or model."""
    if about.kind is Kind.COMPETITION:
        return {"competitionName": about.place}
    if about.kind is Kind.KAGGLE:
        owner, name = about.place.split("/")
        return {"ownerSlug": owner, "datasetSlug": name}
    owner, model, framework, variation = about.place.split("/")
    return {
        "ownerSlug": owner,
        "modelSlug": model,
        "framework": _framework(framework),
        "instanceSlug": variation,
    }


def _framework(written: str) -> str:
    """Return a framework as the interface names it: pyTorch is MODEL_FRAMEWORK_PY_TORCH."""
    plain = written.replace("-", "").replace("_", "").upper()
    known = {name.replace("_", ""): name for name in _FRAMEWORKS}
    return f"MODEL_FRAMEWORK_{known.get(plain, plain)}"


def _numbered(fixed: Reference) -> dict[str, object]:
    if fixed.kind is Kind.KAGGLE and fixed.version:
        return {"datasetVersionNumber": int(fixed.version)}
    return {}


def _download(fixed: Reference, path: str) -> _Ask:
    """Return the call that leads to one file, or with no path to the archive of all."""
    body = {**_names(fixed), **_numbered(fixed)}
    if fixed.kind is Kind.KAGGLE:
        more = {"fileName": path} if path else {}
        return _Ask(_DATASETS, "DownloadDataset", {**body, **more})
    if fixed.kind is Kind.COMPETITION:
        if path:
            return _Ask(_COMPETITIONS, "DownloadDataFile", {**body, "fileName": path})
        return _Ask(_COMPETITIONS, "DownloadDataFiles", body)
    body["versionNumber"] = int(fixed.version)
    more = {"path": path} if path else {}
    return _Ask(_MODELS, "DownloadModelInstanceVersion", {**body, **more})


def _wanted(file: RemoteFile) -> str:
    """Return the path to ask for: none for the archive of all."""
    return "" if file.unpack and not file.only else file.path


def _rows(said: Mapping[str, object], field: str) -> list[dict[str, str]]:
    rows = said.get(field)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _below(folder: str, path: str) -> str:
    """Return a path that the source says lies in a folder, if it does."""
    return checked_path(path if path.startswith(f"{folder}/") else f"{folder}/{path}")


def _told_apart(files: Sequence[tuple[RemoteFile, str]]) -> str:
    """Return a name for what a competition's data are now: its archive has no number."""
    parts = [f"{file.path} {file.bytes} {version}" for file, version in files]
    return sha256("\n".join(parts).encode()).hexdigest()[:12]
