"""What the emulated Hub takes: new repositories, large objects by signed links, commits."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from .serving import Asked, Reply, json_reply

if TYPE_CHECKING:
    from .hub import Hub

_BATCH = ".git/info/lfs/objects/batch"
_MOST_AT_ONCE = 256
"""Its own library asks of no more; what the Hub itself would take is not known."""


class Uploads:
    """`part_bytes` is from which size on a file goes in parts of it; 0 for never.

    `may_write` are the owners in whose name the token may write.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.part_bytes = 0
        self._begun = 0
        self.may_write = {"alice"}

    def answer(self, asked: Asked, path: str, user: str) -> Reply:
        """Answer a POST."""
        if path == "api/validate-yaml":
            return json_reply({"errors": [], "warnings": []})
        if path.startswith("complete/"):
            return self._complete(asked, path.removeprefix("complete/"))
        if not user:
            return _no(401, "Invalid username or password.")
        if path == "api/repos/create":
            return self._create(asked.json)
        if path == "verify":
            return self._verify(asked.json)
        place = path.removesuffix(_BATCH) if path.endswith(_BATCH) else _between(path)
        if place.partition("/")[0] not in self.may_write:
            return _no(403, "You have read access but not the required permissions")
        if f"models/{place}" not in self._hub.repositories:
            return _no(404, "Repository not found")
        if path.endswith(_BATCH):
            return self._batch(asked.json)
        if "/preupload/" in path:
            return self._preupload(asked.json)
        return self._commit(asked, place)

    def _create(self, said: dict[str, Any]) -> Reply:
        owner = said.get("organization") or "alice"
        if owner not in self.may_write:
            return _no(403, "You don't have the rights to create a model under this namespace")
        key = f"models/{owner}/{said['name']}"
        name = key.removeprefix("models/")
        url = f"{self._hub.url}/{name}"
        if key in self._hub.repositories:
            return json_reply({"error": "You already created this model repo", "url": url}, 409)
        private = said.get("visibility", "public") == "private"
        self._hub.create(key, private=private)
        return json_reply({"url": url, "name": name})

    def _preupload(self, said: dict[str, Any]) -> Reply:
        if len(said["files"]) > _MOST_AT_ONCE:
            return _no(400, "Too many files in one request")

        def mode(file: dict[str, Any]) -> str:
            text = b"\0" not in base64.b64decode(file["sample"])
            return "regular" if text and file["size"] < 10_000 else "lfs"

        rows = [
            {"path": file["path"], "uploadMode": mode(file), "shouldIgnore": False}
            for file in said["files"]
        ]
        return json_reply({"files": rows})

    def _batch(self, said: dict[str, Any]) -> Reply:
        if len(said["objects"]) > _MOST_AT_ONCE:
            return _no(400, "Too many objects in one request")
        return json_reply(
            {"transfer": "basic", "objects": [self._object(o) for o in said["objects"]]}
        )

    def _object(self, one: dict[str, Any]) -> dict[str, Any]:
        oid, size = one["oid"], one["size"]
        if f"/up/{oid}" in self._hub.storage.objects:
            return {"oid": oid, "size": size}
        verify = {"href": f"{self._hub.url}/verify"}
        if not self.part_bytes or size <= self.part_bytes:
            upload: dict[str, Any] = {"href": self._hub.storage.signed(f"/up/{oid}")}
        else:
            count = -(-size // self.part_bytes)
            self._begun += 1  # what was sent for an earlier one is no part of this
            parts = {
                f"{n:05}": self._hub.storage.signed(f"/part/{oid}/begun{self._begun}/{n}")
                for n in range(1, count + 1)
            }
            header = {"chunk_size": str(self.part_bytes), **parts}
            href = f"{self._hub.url}/complete/{oid}/begun{self._begun}"
            upload = {"href": href, "header": header}
        return {"oid": oid, "size": size, "actions": {"upload": upload, "verify": verify}}

    def _complete(self, asked: Asked, begun: str) -> Reply:
        whole, oid = b"", begun.partition("/")[0]
        for part in asked.json["parts"]:  # type: ignore[attr-defined]
            found = self._hub.storage.objects.get(f"/part/{begun}/{part['partNumber']}")
            if found is None or part["etag"].strip('"') != hashlib.md5(found.data).hexdigest():
                return _no(400, "One of the parts has another tag, or never came")
            whole += found.data
        self._hub.storage.put(f"/up/{oid}", whole)
        return json_reply({"ok": True})

    def _verify(self, said: dict[str, Any]) -> Reply:
        found = self._hub.storage.objects.get(f"/up/{said['oid']}")
        if found is None or hashlib.sha256(found.data).hexdigest() != said["oid"]:
            return _no(422, "The object is not what was announced")
        return json_reply({"ok": True})

    def _commit(self, asked: Asked, place: str) -> Reply:
        repository = self._hub.repositories[f"models/{place}"]
        files = dict(repository.commits[-1])
        for line in asked.body.splitlines():
            one = json.loads(line)
            value = one["value"]
            if one["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif one["key"] == "lfsFile":
                found = self._hub.storage.objects.get(f"/up/{value['oid']}")
                if found is None:
                    return _no(422, f"{value['path']} was never uploaded")
                files[value["path"]] = found.data
        repository.commits.append(files)
        commit = next(reversed(repository.names()))
        url = f"{self._hub.url}/{place}/commit/{commit}"
        return json_reply({"success": True, "commitOid": commit, "commitUrl": url})


def _between(path: str) -> str:
    """Return OWNER/NAME of an address of the interface."""
    return "/".join(path.split("/")[2:4])


def _no(status: int, message: str) -> Reply:
    return json_reply({"error": message}, status, X_Error_Message=message)
