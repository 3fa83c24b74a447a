"""What can be set, and where: IPython's configuration and the environment.

Read by entry points only (`magic/extension`, later the terminal and the
server); everything below them gets plain values. In `ipython_config.py`:

    c.RemoteGPU.show_line = False
"""

from __future__ import annotations

import os
import sys
from typing import Any

from traitlets import Bool, Float, List, Unicode, default
from traitlets.config import Configurable

HOME_VARIABLE = "JUPYTER_REMOTE_GPU_HOME"
FOLDER_VARIABLE = "JUPYTER_REMOTE_GPU_FOLDER"
PYTHON_VARIABLE = "JUPYTER_REMOTE_GPU_PYTHON"
WRAPPER_VARIABLE = "JUPYTER_REMOTE_GPU_WRAPPER"
TRUSTED_VARIABLE = "JUPYTER_REMOTE_GPU_TRUSTED"
_NO = ("0", "false", "no", "off")


class RemoteGPU(Configurable):
    """Settings of the notebook's side."""

    home = Unicode(
        help="Folder in which the embedded machine's agent keeps kernels and journals."
        f" Environment: {HOME_VARIABLE}."
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

    redo_devices = Bool(
        False,
        help="Choose a device again on a machine with a GPU, when a cell there reads a name for"
        " which this computer settled for its CPU; otherwise it is only told.",
    ).tag(config=True)

    @default("home")
    def _default_home(self) -> str:
        state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        return os.environ.get(HOME_VARIABLE) or os.path.join(state, "jupyter_remote_gpu")

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
