"""Clients come to an agent through its user alone; their tokens are on no disk."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.admission import ask_admission, serve_admissions
from jupyter_remote_gpu.agent.succession import Held, Version
from jupyter_remote_gpu.errors import AgentStartError

STATE = {
    "working": False,
    "held": [{"notebook": "a.ipynb", "busy": True, "followed": False, "protocol": 1}],
}
ASK = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect(sys.argv[1])
    asked.sendall(b'{"token": "thief", "version": "1", "protocol": 1, "kernels": 1}\\n')
    print(asked.recv(100))
"""


async def test_a_token_is_taken_and_the_agent_told_of(tmp_path: Path) -> None:
    taken: list[str] = []
    server = await serve_admissions(tmp_path / "s", taken.append, lambda: dict(STATE))
    answer = await asyncio.to_thread(ask_admission, tmp_path / "s", "mine")
    assert taken == ["mine"]
    assert answer.version == Version()
    assert answer.held == (Held("a.ipynb", busy=True, followed=False, protocol=1),)
    server.close()


@pytest.mark.root
async def test_another_user_is_not_admitted_even_where_files_let_him() -> None:
    taken: list[str] = []
    # outside of pytest's folders, which nobody else may enter
    path = Path(f"/tmp/rg-admission-{os.getpid()}")
    server = await serve_admissions(path, taken.append, lambda: dict(STATE))
    try:
        path.chmod(0o777)
        command = [sys.executable, "-I", "-c", ASK, str(path)]
        ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
        # hung up on, before or after what it sent was looked at
        assert (
            ran.stdout == "b''\n" or "ConnectionReset" in ran.stderr or "BrokenPipe" in ran.stderr
        )
        assert taken == []
    finally:
        server.close()
        path.unlink(missing_ok=True)


async def test_the_socket_is_the_users_alone(tmp_path: Path) -> None:
    server = await serve_admissions(tmp_path / "s", lambda token: None, lambda: dict(STATE))
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    server.close()


@pytest.mark.parametrize("said", [b"", b"{}\n", b'{"token": 1', b"\xff\xfe\n", b"[]\n"])
async def test_who_says_something_else_is_hung_up_on(tmp_path: Path, said: bytes) -> None:
    taken: list[str] = []
    server = await serve_admissions(tmp_path / "s", taken.append, lambda: dict(STATE))

    def ask() -> bytes:
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(tmp_path / "s"))
            asked.sendall(said)
            asked.shutdown(socket.SHUT_WR)
            return asked.recv(100)

    assert await asyncio.to_thread(ask) == b""
    assert taken == []
    server.close()


@pytest.mark.parametrize("answer", [b"", b"nonsense\n", json.dumps({"version": "1"}).encode()])
def test_what_is_no_agents_answer_is_told(tmp_path: Path, answer: bytes) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()

        def serve() -> None:
            with server.accept()[0] as one:
                one.recv(1000)
                one.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        with pytest.raises(AgentStartError, match="did not take this client"):
            ask_admission(Path(path), "mine")
        serving.join()
