"""What can be set, and where: IPython's configuration and the environment.

Read by entry points only (`magic/extension`, `cli/`, later the server);
everything below them gets plain values (`RemoteGPU.plain`). In `ipython_config.py`:

    c.RemoteGPU.show_line = False
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from traitlets import Bool, Enum, Float, List, Unicode, default
from traitlets.config import Configurable
from traitlets.config.loader import PyFileConfigLoader

from jupyter_remote_gpu.commands.settings import Settings

HOME_VARIABLE = "JUPYTER_REMOTE_GPU_HOME"
FOLDER_VARIABLE = "JUPYTER_REMOTE_GPU_FOLDER"
PYTHON_VARIABLE = "JUPYTER_REMOTE_GPU_PYTHON"
WRAPPER_VARIABLE = "JUPYTER_REMOTE_GPU_WRAPPER"
SETTINGS_VARIABLE = "JUPYTER_REMOTE_GPU_SETTINGS"
CACHE_VARIABLE = "JUPYTER_REMOTE_GPU_CACHE"
SSH_VARIABLE = "JUPYTER_REMOTE_GPU_SSH"
TRUSTED_VARIABLE = "JUPYTER_REMOTE_GPU_TRUSTED"
_NO = ("0", "false", "no", "off")


class RemoteGPU(Configurable):
    """Settings of the notebook's side."""

    home = Unicode(
        help="Folder in which the embedded machine's agent keeps kernels and journals, and in which"
        " is remembered what projects and machines have in common, what comes, what was put aside."
        f" Environment: {HOME_VARIABLE}."
    ).tag(config=True)

    settings = Unicode(
        help="Folder in which added machines, their tokens and what notebooks use are remembered."
        f" Environment: {SETTINGS_VARIABLE}."
    ).tag(config=True)

    cache = Unicode(
        help="Folder for what is fetched for machines: agents, Pythons, locks, packages."
        f" It can be emptied at any time. Environment: {CACHE_VARIABLE}."
    ).tag(config=True)

    ssh = List(
        Unicode(),
        help="The OpenSSH client and words of its command line that all machines need, such as"
        f" `ssh -F other_config`. Environment: {SSH_VARIABLE}, separated as a shell does.",
    ).tag(config=True)

    environment_python = Unicode(
        "",
        help="Python of environments on added machines: a version such as 3.12 (the notebook's own"
        " by default), or the path there of an interpreter that is used as it is.",
    ).tag(config=True)

    torch = Enum(
        ("auto", "own"),
        "auto",
        help="Whether environments use the torch that a machine's image has: `auto` where there is"
        " one, `own` installs one that matches the driver.",
    ).tag(config=True)

    folder = Unicode(
        help="Working folder of the embedded machine's kernels; the notebook's own by default."
        f" Environment: {FOLDER_VARIABLE}."
    ).tag(config=True)

    python = Unicode(
        help="Interpreter of the embedded machine's kernels; the notebook's own by default."
        f" It needs ipykernel, blake3, cloudpickle and xxhash. Environment: {PYTHON_VARIABLE}."
    ).tag(config=True)

    wrapper = List(
        Unicode(),
        help="Command put before the agent's own, such as `nice`; words, not a shell line."
        f" Environment: {WRAPPER_VARIABLE}, separated by blanks.",
    ).tag(config=True)

    trusted = Bool(
        help="Whether the embedded machine is trusted; no treats it as a rented one: only data"
        f" comes back, and what it shows is cleaned. Environment: {TRUSTED_VARIABLE} (0 or 1)."
    ).tag(config=True)

    allow_scripts = Bool(
        False,
        help="Let scripts and widgets with code of their own in from a machine that is not trusted,"
        " as `%remote_gpu allow-scripts` does once.",
    ).tag(config=True)

    show_line = Bool(
        True, help="Show one small line below a remote cell about what moved, if anything did."
    ).tag(config=True)

    guard_seconds = Float(
        60.0,
        min=0.0,
        help="A cell for which moving values would take longer is not run, but told so in numbers.",
    ).tag(config=True)

    guard_gb = Float(
        2.0,
        min=0.0,
        help="A machine is not sent more GB of a project's files than this before you have said yes"
        " (`%remote_gpu sync --yes`); 0 never asks. Single large files are asked about besides.",
    ).tag(config=True)

    redo_devices = Bool(
        False,
        help="Choose a device again on a machine with a GPU, when a cell there reads a name for"
        " which this computer settled for its CPU; otherwise it is only told.",
    ).tag(config=True)

    def plain(self) -> Settings:
        """Return what verbs need of this as plain values; any thread."""
        return Settings(
            home=Path(self.home),
            settings=Path(self.settings),
            cache=Path(self.cache),
            ssh=tuple(self.ssh),
            folder=self.folder,
            python=self.python,
            environment_python=self.environment_python,
            torch=self.torch,
            wrapper=tuple(self.wrapper),
            trusted=self.trusted,
            guard_bytes=round(self.guard_gb * 1e9),
        )

    @default("home")
    def _default_home(self) -> str:
        state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        return os.environ.get(HOME_VARIABLE) or os.path.join(state, "jupyter_remote_gpu")

    @default("settings")
    def _default_settings(self) -> str:
        return os.environ.get(SETTINGS_VARIABLE) or _own_folder("config")

    @default("cache")
    def _default_cache(self) -> str:
        return os.environ.get(CACHE_VARIABLE) or _own_folder("cache")

    @default("ssh")
    def _default_ssh(self) -> Any:
        return shlex.split(os.environ.get(SSH_VARIABLE, "")) or ["ssh"]

    @default("folder")
    def _default_folder(self) -> str:
        return os.environ.get(FOLDER_VARIABLE) or os.getcwd()

    @default("python")
    def _default_python(self) -> str:
        return os.environ.get(PYTHON_VARIABLE) or sys.executable

    @default("trusted")
    def _default_trusted(self) -> bool:
        return os.environ.get(TRUSTED_VARIABLE, "1").strip().lower() not in _NO

    @default("wrapper")
    def _default_wrapper(self) -> Any:
        return os.environ.get(WRAPPER_VARIABLE, "").split()


def from_files() -> RemoteGPU:
    """Return the settings where no IPython brings them: its default profile's file and the
    environment. Reads one file; raises what executing that raises.
    """
    folder = os.environ.get("IPYTHONDIR") or os.path.expanduser("~/.ipython")
    profile = os.path.join(folder, "profile_default")
    if not os.path.exists(os.path.join(profile, "ipython_config.py")):
        return RemoteGPU()
    return RemoteGPU(config=PyFileConfigLoader("ipython_config.py", profile).load_config())


def _own_folder(kind: str) -> str:
    """Return our folder for `kind` (config or cache), where this system keeps such things."""
    if sys.platform == "darwin":
        base = {"config": "~/Library/Application Support", "cache": "~/Library/Caches"}[kind]
    elif sys.platform == "win32":
        base = os.environ.get("APPDATA" if kind == "config" else "LOCALAPPDATA", "~")
    else:
        base = os.environ.get(f"XDG_{kind.upper()}_HOME") or f"~/.{kind}"
    return os.path.join(os.path.expanduser(base), "jupyter_remote_gpu")
