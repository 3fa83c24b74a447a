"""Pages that people copy the address of: of Kaggle, the Hub and GitHub; which data they show."""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit

from jupyter_remote_gpu.errors import BadReferenceError

from .addresses import redacted
from .paths import checked_path
from .reference import Kind, Reference

_KAGGLE = ("kaggle.com", "www.kaggle.com")
_HUB = ("huggingface.co", "www.huggingface.co", "hf.co")
_GITHUB = ("github.com", "www.github.com")
# What else lives where owners do.
_NOT_OWNERS_KAGGLE = {
    "code", "discussions", "docs", "learn", "account", "settings", "search", "rankings",
    "benchmarks", "organizations", "static", "work", "host", "product-feedback",
}  # fmt: skip
_NOT_OWNERS_HUB = {
    "docs", "blog", "spaces", "papers", "collections", "settings", "models", "tasks", "learn",
    "pricing", "join", "login", "organizations", "posts", "buckets", "api",
}  # fmt: skip


def from_web_page(address: str) -> Reference | None:
    """Return the data that a page shows; None if the address is none of a known page.

    Raises BadReferenceError for pages of Kaggle and the Hub that show no data.
    """
    parts = urlsplit(address)
    steps = [unquote(step) for step in parts.path.split("/") if step]
    host = (parts.hostname or "").lower()
    if host in _KAGGLE:
        return _kaggle(steps, address)
    if host in _HUB:
        return _hub(steps, address)
    if host in _GITHUB and len(steps) > 4 and steps[2] in ("blob", "raw"):
        owner, repository, _, *rest = (quote(step) for step in steps)
        raw = f"https://raw.githubusercontent.com/{owner}/{repository}/{'/'.join(rest)}"
        return Reference(Kind.WEB, raw)
    return None


def _kaggle(steps: list[str], address: str) -> Reference:
    match steps:
        case ["datasets", owner, name, "versions" | "version", number, *_] if number.isdigit():
            return Reference(Kind.KAGGLE, f"{owner}/{name}", number)
        case ["datasets", owner, name, *_]:
            return Reference(Kind.KAGGLE, f"{owner}/{name}")
        case ["competitions" | "c", name, *_]:
            return Reference(Kind.COMPETITION, name)
        case ["models", owner, model, framework, variation, *rest]:
            number = rest[0] if rest and rest[0].isdigit() else ""
            place = f"{owner}/{model}/{_framework(framework)}/{variation}"
            return Reference(Kind.KAGGLE_MODEL, place, number)
        case ["models", *_]:
            raise BadReferenceError(
                f"{redacted(address)} shows a model in several variations.",
                hint="Choose one on that page and copy the address then:"
                " it ends in FRAMEWORK/VARIATION.",
            )
        case [owner, name] if owner not in _NOT_OWNERS_KAGGLE:
            return Reference(Kind.KAGGLE, f"{owner}/{name}")
        case _:
            raise _no_data(address, "Kaggle")


def _framework(shown: str) -> str:
    """Return a framework as programs write it: pages say PyTorch, programs pyTorch."""
    return shown[:1].lower() + shown[1:]


def _hub(steps: list[str], address: str) -> Reference:
    kind = Kind.HUB_DATASET if steps[:1] == ["datasets"] else Kind.HUB_MODEL
    steps = steps[1:] if kind is Kind.HUB_DATASET else steps
    if not steps or (kind is Kind.HUB_MODEL and steps[0] in _NOT_OWNERS_HUB):
        raise _no_data(address, "the Hub")
    views = ("tree", "blob", "resolve", "raw", "viewer", "discussions", "commits")
    owned = 1 if len(steps) == 1 or steps[1] in views else 2
    place, rest = "/".join(steps[:owned]), steps[owned:]
    if rest and rest[0] in ("tree", "blob", "resolve", "raw") and len(rest) > 1:
        path = "/".join(rest[2:])
        version = "" if rest[1] == "main" else rest[1]
        return Reference(kind, place, version, checked_path(path) if path else "")
    return Reference(kind, place)


def _no_data(address: str, whose: str) -> BadReferenceError:
    return BadReferenceError(
        f"{redacted(address)} is a page of {whose} that shows no data.",
        hint="Copy the address of the page of the dataset, the competition or the model itself.",
    )
