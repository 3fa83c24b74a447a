"""Bringing a project's files to a machine before a script runs there.

The one place that does so. For now it brings the script and its modules; with
the room `files` a sync of the whole project takes the place of `bring_files`.
"""

from __future__ import annotations

import io
import os
import tarfile

from blake3 import blake3

from jupyter_remote_gpu.machines.ssh.reaching import ReachedMachine
from jupyter_remote_gpu.session.place import Workspace
from jupyter_remote_gpu.session.project import workspace_name
from jupyter_remote_gpu.session.script import Brought

from .script import ScriptProject
from .settings import Settings


def bring_files(
    settings: Settings, way: ReachedMachine, project: ScriptProject, workspace: Workspace
) -> Brought:
    """Bring what the script needs to the machine; return where it is. Blocks.

    Raises RequestError if that is too much, and what connecting raises.
    """
    known = way.known
    assert known is not None, "the workspace was just opened there"
    name = workspace_name(project.registry.client, project.root)
    root = f"{known.base}/workspaces/{name}/project"
    data = _archive(project)
    folder = f"carried/files-{blake3(data).hexdigest()[:20]}"
    settings.cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    archive = settings.cache / f"files-{os.getpid()}.tar"
    try:
        archive.write_bytes(data)
        way.carry(archive, folder)
    finally:
        archive.unlink(missing_ok=True)
    return Brought(f"{root}/{project.subfolder}".rstrip("/"), root, f"{known.base}/{folder}")


def _archive(project: ScriptProject) -> bytes:
    """Return the files as a tar whose bytes depend on names and contents alone."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for path in sorted(project.files()):
            entry = tarfile.TarInfo(path.relative_to(project.root).as_posix())
            content = path.read_bytes()
            entry.size, entry.mode = len(content), 0o600
            tar.addfile(entry, io.BytesIO(content))
    return whole.getvalue()
