"""Exit codes: what a shell script can rely on. `docs/cli.md` lists them."""

from __future__ import annotations

from enum import IntEnum

from jupyter_remote_gpu.errors import (
    ConnectionLostError,
    NoSuchFileError,
    NotAvailableError,
    PackagesError,
    RemoteGPUError,
    RequestError,
    UnknownMachineError,
    WaitTimeoutError,
)


class Exit(IntEnum):
    """How a command ended; `run` and `attach`: as the script did, or with one from 121 on."""

    DONE = 0
    TROUBLE = 1
    """`doctor` found what keeps things from working, or a question was answered with no."""
    USAGE = 2
    """The command line is wrong."""
    NOT_AVAILABLE = 121
    """Understood, but this version or machine cannot do it."""
    UNKNOWN = 122
    """There is no such machine, run, script or file, or what was asked for contradicts itself."""
    UNREACHABLE = 123
    """The machine could not be reached, or did not answer."""
    TIMEOUT = 124
    """`--timeout` has ended the run."""
    FAILED = 125
    """Anything else that went wrong on our side or the machine's."""
    CLOSED = 141
    """Nobody read the output of a run any more; it goes on there."""
    INTERRUPTED = 130
    """Ctrl-C."""


_BY_ERROR: tuple[tuple[type[RemoteGPUError], Exit], ...] = (
    (PackagesError, Exit.FAILED),
    (NotAvailableError, Exit.NOT_AVAILABLE),
    (UnknownMachineError, Exit.UNKNOWN),
    (RequestError, Exit.UNKNOWN),
    (NoSuchFileError, Exit.UNKNOWN),
    (ConnectionLostError, Exit.UNREACHABLE),
    (WaitTimeoutError, Exit.UNREACHABLE),
)


def exit_of(error: RemoteGPUError) -> Exit:
    """Return the exit code that an error of ours has."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), Exit.FAILED)
