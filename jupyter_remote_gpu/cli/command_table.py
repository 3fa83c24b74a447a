"""The commands of `remote-gpu`, also `jupyter remote-gpu`, and their completion."""

from __future__ import annotations

import importlib

import click
from click.shell_completion import get_completion_class

from jupyter_remote_gpu import __version__

from .carrying import PROGRAM

COMPLETE_VARIABLE = "_REMOTE_GPU_COMPLETE"
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_PLACES = {
    "run": "running",
    "attach": "running",
    "runs": "runs",
    "stop": "runs",
    "sync": "files",
    "pull": "files",
    "kept": "files",
    "data": "data",
    "add": "machines",
    "forget": "machines",
    "machines": "machines",
    "trust": "machines",
    "untrust": "machines",
    "clean": "machines",
    "doctor": "doctor",
    "completion": "",
}
"""Each command's file, in the order in which help lists them. Only the one that is asked for is
loaded: a shell that completes a word waits for that."""


class _Commands(click.Group):
    """The commands by name, loaded when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names."""
        return list(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name, None if there is none."""
        place = _PLACES.get(cmd_name)
        if not place:
            return super().get_command(ctx, cmd_name)
        found = importlib.import_module(f"{__package__}.{place}").COMMANDS
        return next((command for command in found if command.name == cmd_name), None)


@click.group(cls=_Commands, context_settings=_SETTINGS)
@click.version_option(__version__, prog_name=PROGRAM)
def cli() -> None:
    """Run scripts on GPU machines that ssh reaches, and look after the machines.

    The machines are those of your notebooks: what is added here is there, and the
    other way round. Every command but `completion` takes --json.
    """


@cli.command(short_help="Print what lets a shell complete commands.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what a shell needs to complete commands, flags and machines.

    \b
    bash, in ~/.bashrc:  eval "$(remote-gpu completion bash)"
    zsh, in ~/.zshrc:    eval "$(remote-gpu completion zsh)"
    fish:  remote-gpu completion fish > ~/.config/fish/completions/remote-gpu.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None, "the choices above are those that click knows"
    click.echo(kind(cli, {}, PROGRAM, COMPLETE_VARIABLE).source())


def run_command_line() -> None:
    """Parse the command line and do what it says; ends the program."""
    cli(prog_name=PROGRAM, complete_var=COMPLETE_VARIABLE)
