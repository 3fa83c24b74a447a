"""The command `remote-gpu`, also `jupyter remote-gpu`: its groups, its errors, its completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from jupyter_remote_gpu import __version__

from . import doctor, machines, runs
from .carrying import PROGRAM

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


for _group in (machines, runs, doctor):
    for _command in _group.COMMANDS:
        cli.add_command(_command)


def main() -> None:
    """Run the command line; the entry point of both scripts."""
    cli(prog_name=PROGRAM, complete_var=COMPLETE_VARIABLE)
