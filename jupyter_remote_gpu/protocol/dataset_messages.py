"""What client and agent say to each other about datasets; messages like those of `messages`.

The client knows what an address means and signs links; the agent fetches,
keeps and places. Links go to it only when they are wanted, and are on no disk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .messages import Message, message


@message("place_dataset")
@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceDataset(Message):
    """See to it that a dataset lies on the machine, and link it into a project.

    `key` names its bytes, `text` is its address with version, `asked` as the user
    wrote it, `name` what people call it. `files` are its files: {path, bytes,
    digests, unpack, only, carried}, as `agent.datasets.job.Wanted` has them; without them
    nothing is fetched (`LackingError` if it is not there). `at` is
    the link's path below the project of `workspace`, or, if that is "", below
    `folder`; `kaggle` its name below /kaggle/input; both "" for none. `of` is the
    address without a version: other data than `of` keep `at` (InTheWayError), unless
    it may be placed `aside`, with a longer name. `version` is recorded where `text`
    has none. Tells steps, and `LinksWanted` if it is not there yet. Answer: `path`,
    `kaggle` ("" where the machine does not let us), `key`, `bytes`, `files`, `checked`,
    `notes`, `fetched` (it was not there). Repeated, it is done once; it goes on when
    the client leaves.
    """

    request: int
    key: str
    text: str
    asked: str
    name: str
    files: list[Any]
    workspace: str = ""
    folder: str = ""
    at: str = ""
    kaggle: str = ""
    of: str = ""
    version: str = ""
    aside: bool = False


@message("links_wanted")
@dataclass(frozen=True, slots=True, kw_only=True)
class LinksWanted(Message):
    """Agent to client: links to these files (indexes into `files`) are needed to go on.

    `why` is "" the first time. Said again until it is answered with `GiveLinks`.
    """

    request: int
    key: str
    files: list[int]
    why: str


@message("give_links")
@dataclass(frozen=True, slots=True, kw_only=True)
class GiveLinks(Message):
    """Links to files of a dataset that is being fetched: {index: {url, headers, expires_at}}.

    Or none, and `refused`: {kind, message, hint} of what the client failed with.
    """

    request: int
    key: str
    links: dict[str, Any] = field(default_factory=dict, repr=False)
    refused: dict[str, Any] = field(default_factory=dict)


@message("stop_dataset")
@dataclass(frozen=True, slots=True, kw_only=True)
class StopDataset(Message):
    """End a download, keeping what arrived; not if another client waits for it (`stopped`)."""

    request: int
    key: str


@message("list_datasets")
@dataclass(frozen=True, slots=True, kw_only=True)
class ListDatasets(Message):
    """Ask which datasets lie on the machine (`result["datasets"]`).

    Of each: `key`, `text`, `name`, `bytes`, `files`, `used` (seconds since the
    epoch), `whole`, `going` (it is being fetched), `at` (paths where it is placed).
    """

    request: int


@message("remove_datasets")
@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveDatasets(Message):
    """Remove datasets and the links to them (`result`: `freed` bytes, `kept`: {key: why})."""

    request: int
    keys: list[Any]
