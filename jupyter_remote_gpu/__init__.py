"""A cell under `%%remote_gpu` runs in a persistent Python on a GPU machine.

    %load_ext jupyter_remote_gpu
    %%remote_gpu

Public names are the hooks that Jupyter calls, the version, the errors, and `dataset` for
scripts.
"""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import RemoteGPUError

if TYPE_CHECKING:
    from .datasets.data_path import DataPath

__version__ = "0.1.0.dev0"

__all__ = [
    "RemoteGPUError",
    "__version__",
    "dataset",
    "load_ipython_extension",
    "unload_ipython_extension",
]

_EXTENSION = "remote_gpu_extension"


def dataset(address: str) -> DataPath | Path:
    """Return the folder with the data of an address, for scripts that run here and on machines.

    In a notebook it is the `dataset` that every cell has. In a script that `remote-gpu
    run` has begun it is the folder on that machine: addresses that a script's text
    names are placed before it begins. Elsewhere it is used like a path, and only what
    is read comes here. Raises DatasetError and its kin; may block on downloads.
    """
    if not isinstance(address, str):
        raise TypeError(f"an address of data is a text, not {type(address).__name__}")
    bound = getattr(builtins, "dataset", None)
    if bound is not None:
        found: Path = bound(address)
        return found
    from .agent.kernel import script_data

    if script_data.in_script():
        return script_data.dataset(address.strip())
    from .cli.script_data import dataset as dataset_here

    return dataset_here(address.strip())


def load_ipython_extension(shell: Any) -> None:
    """Register the magics and begin to watch cells; called by `%load_ext`. Starts nothing."""
    from .magic.extension import Extension
    from .magic.magics import RemoteGPUMagics

    if getattr(shell, _EXTENSION, None) is not None:
        return
    extension = Extension(shell)
    extension.install()
    shell.register_magics(RemoteGPUMagics(shell, extension))
    setattr(shell, _EXTENSION, extension)


def unload_ipython_extension(shell: Any) -> None:
    """Undo `load_ipython_extension` and end the session; called by `%unload_ext`."""
    extension = getattr(shell, _EXTENSION, None)
    if extension is None:
        return
    extension.remove()
    delattr(shell, _EXTENSION)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("remote_gpu", None)
