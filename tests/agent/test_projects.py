"""Requests about the files of workspaces, where the machine's disk fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

from jupyter_remote_gpu.agent.projects import Projects
from jupyter_remote_gpu.chunks.fingerprint import name_of
from jupyter_remote_gpu.chunks.packs import pack
from jupyter_remote_gpu.protocol.project import PutChunks


def test_an_agent_ends_though_what_arrived_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("no folder")
    projects = Projects(tmp_path)
    sent = b"".join(pack([(name_of(b"chunk"), b"chunk")]))
    asyncio.run(projects.put(PutChunks(request=1, workspace="w", blobs=(sent,))))
    projects.close()
    assert (tmp_path / "store").read_text() == "no folder"
