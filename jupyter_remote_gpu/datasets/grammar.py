"""From what a user writes to a reference: addresses, web pages, commands people copy.

`kaggle://OWNER/NAME[@VERSION][/PATH]` and plain `OWNER/NAME`,
`kaggle-competition://NAME[/PATH]`, `kaggle-model://OWNER/MODEL/FRAMEWORK/VARIATION[@VERSION]`,
`hf://datasets/ORG/NAME[@REVISION][/PATH]`, `hf://ORG/NAME[@REVISION][/PATH]`,
`https://…[#sha256=HEX]`, `s3://` `gs://` `abfs://BUCKET/KEY`, a folder or an archive here.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from jupyter_remote_gpu.errors import BadReferenceError, UnsafePathError

from .addresses import redacted
from .paths import checked_path
from .reference import Digest, Kind, Reference, safe_name
from .web_pages import from_web_page

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_PARTS = {Kind.KAGGLE: 2, Kind.COMPETITION: 1, Kind.KAGGLE_MODEL: 4, Kind.HUB_DATASET: 2}
_SCHEMES = (
    Kind.COMPETITION, Kind.KAGGLE_MODEL, Kind.KAGGLE, Kind.HUB_DATASET, Kind.HUB_MODEL,
    Kind.S3, Kind.GCS, Kind.AZURE, Kind.LOCAL,
)  # fmt: skip
_OTHER_SPELLINGS = {
    "kaggle-dataset://": "kaggle://",
    "kaggle://datasets/": "kaggle://",
    "kaggle://competitions/": "kaggle-competition://",
    "kaggle://c/": "kaggle-competition://",
    "kaggle://models/": "kaggle-model://",
    "kaggle-competitions://": "kaggle-competition://",
    "kaggle-models://": "kaggle-model://",
    "huggingface://": "hf://",
    "hf://models/": "hf://",
    "gcs://": "gs://",
    "az://": "abfs://",
    "s3a://": "s3://",
}
_DIGEST_DIGITS = {"md5": 32, "sha256": 64}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FORMS = (
    "Write kaggle://OWNER/NAME, kaggle-competition://NAME, hf://datasets/ORG/NAME, hf://ORG/NAME,"
    " an https, s3, gs or abfs address, or a folder or archive here."
)


def parse_reference(text: str, *, base: Path | None = None, called: str = "") -> Reference:
    """Return what an address means; raises BadReferenceError, and asks nobody.

    `base` is the folder that local paths are relative to (the notebook's);
    `called` a name in place of the dataset's own. A bare `OWNER/NAME` is
    Kaggle's, unless a folder or file of that name lies in `base`.
    """
    plain = text.strip()
    if called and safe_name(called) != called:
        raise BadReferenceError(
            f"Data cannot be called {called!r}.",
            hint="A name has letters, digits, `.`, `_` and `-`, and begins with a letter or digit.",
        )
    try:
        found = _parse(plain, base or Path.cwd())
    except UnsafePathError as error:
        raise _bad(plain, "its path leaves the data's own folder") from error
    return replace(found, called=called)


def _parse(text: str, base: Path) -> Reference:
    if not text:
        raise BadReferenceError("No data were named.", hint=_FORMS)
    if text.lstrip("!").split(" ", 1)[0] == "kaggle":
        return _command(text)
    for other, ours in _OTHER_SPELLINGS.items():
        if text.startswith(other):
            text = ours + text[len(other) :]
    if text.startswith(("https://", "http://")):
        try:
            return from_web_page(text) or _web(text)
        except ValueError as error:  # what Python says of a host or a port
            raise _bad(text, str(error)) from None
    for kind in _SCHEMES:
        if text.startswith(kind.value):
            return _of_kind(kind, text[len(kind.value) :], text)
    if "://" in text:
        raise _bad(text, f"{text.partition('://')[0]}:// is not known here")
    return _bare(text, base)


def _of_kind(kind: Kind, rest: str, text: str) -> Reference:
    rest, digest = _digest(rest, text)
    match kind:
        case Kind.HUB_MODEL if rest.startswith(("buckets/", "spaces/")):
            raise _bad(text, "only datasets and models of the Hub can be fetched")
        case Kind.S3 | Kind.GCS | Kind.AZURE:
            return _stored(kind, rest, text, digest)
        case Kind.LOCAL:
            return Reference(kind, str(Path(unquote(rest)).expanduser().absolute()), digest=digest)
        case _:
            return _hosted(kind, rest, text)


def _hosted(kind: Kind, rest: str, text: str) -> Reference:
    """Parse PARTS[@VERSION][/PATH]; the version may hold slashes only if it says %2F."""
    count = _PARTS.get(kind, 2)
    parts = [part for part in rest.strip("/").split("/") if part]
    # A kagglehub handle puts the version after the parts.
    if kind is Kind.KAGGLE and len(parts) >= 4 and parts[2] == "versions":
        parts = [parts[0], f"{parts[1]}@{parts[3]}", *parts[4:]]
    if kind is Kind.KAGGLE_MODEL and len(parts) >= 5 and parts[4].isdigit() and "@" not in rest:
        parts = [*parts[:3], f"{parts[3]}@{parts[4]}", *parts[5:]]
    if kind in (Kind.HUB_DATASET, Kind.HUB_MODEL) and len(parts) == 1:
        count = 1  # `hf://gpt2` and `hf://datasets/squad` have no owner
    if len(parts) < count:
        raise _bad(text, f"it names {len(parts)} of {count} parts")
    last, at, version = parts[count - 1].partition("@")
    named = [*parts[: count - 1], last]
    if not all(_SLUG.match(part) for part in named) or (at and not version):
        raise _bad(text, "a name in it has signs that no such name has")
    version = unquote(version)
    if version and kind in (Kind.KAGGLE, Kind.KAGGLE_MODEL) and not version.isdigit():
        raise _bad(text, f"versions of Kaggle are numbers, not {version!r}")
    if version and kind is Kind.COMPETITION:
        raise _bad(text, "data of a competition have no versions")
    path = "/".join(parts[count:])
    return Reference(kind, "/".join(named), version, checked_path(path) if path else "")


def _stored(kind: Kind, rest: str, text: str, digest: Digest | None) -> Reference:
    bucket, _, key = rest.partition("/")
    if not bucket or not key.strip("/"):
        raise _bad(text, "it names no bucket, or nothing in it")
    checked_path(key.strip("/"))
    return Reference(kind, f"{bucket}/{key}", digest=digest)


def _web(text: str) -> Reference:
    place, digest = _digest(text, text)
    parts = urlsplit(place)
    if not parts.hostname or parts.port == 0:
        raise _bad(text, "it names no host")
    if parts.scheme == "http" and digest is None and parts.hostname not in _LOOPBACK:
        raise BadReferenceError(
            f"{redacted(text)} is not encrypted: anybody on the way could change the data.",
            hint="Use https, or add #sha256=… of what the file has to be.",
        )
    return Reference(Kind.WEB, urlunsplit(parts._replace(fragment="")), digest=digest)


def _digest(text: str, whole: str) -> tuple[str, Digest | None]:
    rest, mark, fragment = text.partition("#")
    if not mark:
        return rest, None
    kind, _, value = fragment.partition("=")
    kind = kind.lower().replace("-", "")
    if len(value) != _DIGEST_DIGITS.get(kind) or re.search(r"[^0-9a-fA-F]", value):
        raise _bad(whole, "what follows # has to be sha256= or md5= and that digest in hex")
    return rest, Digest(kind, value.lower())


def _bare(text: str, base: Path) -> Reference:
    path = Path(text).expanduser()
    looks_local = text.startswith((".", "/", "~")) or path.is_absolute()
    if looks_local or os.path.lexists(base / path):
        return Reference(Kind.LOCAL, str((base / path).absolute()))
    parts = text.split("/")
    versioned = len(parts) == 4 and parts[2] == "versions"
    if len(parts) == 2 or versioned:
        return _hosted(Kind.KAGGLE, text, text)
    raise _bad(text, "nothing of that name lies here, and it is no OWNER/NAME of Kaggle")


def _command(text: str) -> Reference:
    """Parse a command of Kaggle's own program, as their pages offer it to copy."""
    try:
        split = shlex.split(text.lstrip("!"))
    except ValueError as error:  # a quotation mark without its other
        raise _bad(text, str(error).rstrip(".")) from None
    words = [word for word in split if word not in ("--unzip", "-q", "-o")]
    if len(words) < 4 or words[2] not in ("download", "instances"):
        raise _bad(text, "of Kaggle's commands only those that download are known")
    options = {"-d": "", "--dataset": "", "-c": "", "--competition": "", "-f": "", "--file": ""}
    named, rest = "", iter(words[2:])
    for word in rest:
        if word in options:
            options[word] = next(rest, "")
        elif word in ("-p", "--path"):
            next(rest, "")
        elif not word.startswith("-") and word not in ("download", "instances", "versions"):
            named = word
    named = named or options["-d"] or options["--dataset"] or options["-c"]
    named = named or options["--competition"]
    kinds = {
        "datasets": Kind.KAGGLE,
        "competitions": Kind.COMPETITION,
        "models": Kind.KAGGLE_MODEL,
    }
    if words[1] not in kinds or not named:
        raise _bad(text, "it does not say which data")
    path = options["-f"] or options["--file"]
    return _hosted(kinds[words[1]], f"{named}/{path}", text)


def _bad(text: str, reason: str) -> BadReferenceError:
    return BadReferenceError(f"{redacted(text)!r} is no address of data: {reason}.", hint=_FORMS)
