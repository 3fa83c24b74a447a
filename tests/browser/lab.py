"""A JupyterLab of our own for the browser tests: its process, folders and sessions."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from jupyter_remote_gpu.agent.ending import end_machine

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS = 90.0
STOP_SECONDS = 3.0

_SETTINGS = {
    # No news pop-up over the notebook, and no question to the network.
    "apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false"},
    # Cells out of sight are built too, so that a test can look at any.
    "notebook-extension/tracker": {"windowingMode": "none"},
    "docmanager-extension/plugin": {"autosave": False},
}


class Lab:
    """A running JupyterLab with folders, settings and remote machine of its own."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "notebooks"
        self.folder.mkdir()
        self._root = root
        self._token = secrets.token_hex(8)
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._write_settings()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(port), env=self._environ(), stdout=log, stderr=log, cwd=root
            )
        self._await_start()

    @property
    def _log(self) -> Path:
        return self._root / "lab.log"

    def address(self, notebook: str, *, reset: bool = True) -> str:
        """Return the address of a notebook's page; with `reset` nothing else is open in it."""
        query = "?reset&" if reset else "?"
        return f"{self.url}/lab/tree/{notebook}{query}token={self._token}"

    def write(self, name: str, cells: list[str]) -> None:
        """Write a notebook with these code cells."""
        notebook = {
            "cells": [_code_cell(number, source) for number, source in enumerate(cells)],
            "metadata": {
                "kernelspec": {
                    "name": "python3",
                    "display_name": "Python 3 (ipykernel)",
                    "language": "python",
                }
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.folder / name).write_text(json.dumps(notebook))

    def end_sessions(self) -> None:
        """Shut down all kernels: those left running slow the tests that follow."""
        for session in json.loads(self._ask("GET", "/api/sessions")):
            self._ask("DELETE", f"/api/sessions/{session['id']}")

    def stop(self) -> None:
        """End the server and its machine; killed if it takes its time over it."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        end_machine(self._root / "machine")

    def _ask(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(f"{self.url}{path}?token={self._token}", method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: bytes = answer.read()
            return found

    def _await_start(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                told = self._log.read_text(errors="replace")[-4000:]
                raise RuntimeError(f"JupyterLab did not start:\n{told}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            self._ask("GET", "/api/status")
        except OSError:
            return False
        return True

    def _command(self, port: int) -> list[str]:
        return [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={self.folder}",
            f"--IdentityProvider.token={self._token}",
            # The page tells us through `window.jupyterapp` when its kernel is connected.
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
        ]

    def _environ(self) -> dict[str, str]:
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "JUPYTER_REMOTE_GPU_HOME": "machine",
        }
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
            **{name: str(self._root / at) for name, at in folders.items()},
        }

    def _write_settings(self) -> None:
        for name, values in _SETTINGS.items():
            path = self._root / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))


def _code_cell(number: int, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": f"cell{number}",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        "source": source,
    }


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
