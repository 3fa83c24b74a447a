"""A cell under `%%remote_gpu` runs in a persistent Python on a GPU machine.

    %load_ext jupyter_remote_gpu
    %%remote_gpu

Public names are the hooks that Jupyter calls, the version, and the errors.
"""

from __future__ import annotations

from typing import Any

from .errors import RemoteGPUError

__version__ = "0.1.0.dev0"

__all__ = [
    "RemoteGPUError",
    "__version__",
    "load_ipython_extension",
    "unload_ipython_extension",
]

_EXTENSION = "remote_gpu_extension"


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
