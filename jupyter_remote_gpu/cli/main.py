"""The command `remote-gpu`, also `jupyter remote-gpu`: its groups, its errors, its completion."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import get_completion_class

from jupyter_remote_gpu import __version__
from jupyter_remote_gpu.errors import RemoteGPUError

from .exits import Exit, exit_of
from .here import Here, error_fields
from .wording import reworded

PROGRAM = "remote-gpu"
COMPLETE_VARIABLE = "_REMOTE_GPU_COMPLETE"
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=_SETTINGS)
@click.version_option(__version__, prog_name=PROGRAM)
def cli() -> None:
    """Run scripts on GPU machines that ssh reaches, and look after the machines.

    The machines are those of your notebooks: what is added here is there, and the
    other way round. Every command takes --json.
    """


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what a shell needs to complete commands, flags and machines.

    bash: eval "$(remote-gpu completion bash)" in ~/.bashrc; zsh the same in ~/.zshrc;
    fish: remote-gpu completion fish > ~/.config/fish/completions/remote-gpu.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None, "the choices above are those that click knows"
    click.echo(kind(cli, {}, PROGRAM, COMPLETE_VARIABLE).source())


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
        click.echo("\nstopped", err=True)
        return Exit.INTERRUPTED
    finally:
        if here is not None:
            here.close()


def main() -> None:
    """Run the command line; the entry point of both scripts."""
    from . import doctor, machines, runs

    for group in (machines, runs, doctor):
        for command in group.COMMANDS:
            cli.add_command(command)
    cli(prog_name=PROGRAM, complete_var=COMPLETE_VARIABLE)
