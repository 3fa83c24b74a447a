"""Carrying a command out: its `Here`, its errors in words or JSON, its exit code."""

from __future__ import annotations

import functools
import json
import signal
import sys
from collections.abc import Callable
from typing import Any

import click

from jupyter_remote_gpu.errors import RemoteGPUError

from .exits import Exit, exit_of
from .here import Here, error_fields
from .wording import reworded

PROGRAM = "remote-gpu"


def with_here(command: Callable[..., int | None]) -> Callable[..., None]:
    """Give a command its `Here`, close it afterwards, and make exit codes of errors.

    `command` returns its exit code, None for 0. Takes `as_json` off the parameters.
    """

    @functools.wraps(command)
    def invoke(*args: Any, as_json: bool = False, **kwargs: Any) -> None:
        sys.exit(carried_out(lambda here: command(here, *args, **kwargs), as_json=as_json))

    return click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")(invoke)


def carried_out(work: Callable[[Here], int | None], *, as_json: bool) -> int:
    """Do something and return the exit code; errors of ours are said, Ctrl-C too."""
    here = None
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, _interrupt_once)
    try:
        here = Here(as_json=as_json)
        return work(here) or Exit.DONE
    except RemoteGPUError as error:
        if as_json:
            click.echo(json.dumps({"error": error_fields(error)}))
        else:
            where = f"{error.where} ▸ " if error.where else ""
            click.echo(reworded(f"{PROGRAM}: {where}{error.message}"), err=True)
            if error.hint:
                click.echo(reworded(error.hint), err=True)
        return exit_of(error)
    except (KeyboardInterrupt, click.Abort):
        if here is None or not here.told_stop:
            click.echo("\nstopped", err=True)
        return Exit.INTERRUPTED
    finally:
        if here is not None:
            here.close()


def _interrupt_once(number: int, frame: object) -> None:
    """Raise what undoes the work; pressed once more, Ctrl-C ends the program where it is."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt
