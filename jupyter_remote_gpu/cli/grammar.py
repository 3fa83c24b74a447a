"""Commands whose flags are those of requests: the same grammar as in a notebook reads them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import click
from click.shell_completion import CompletionItem

from jupyter_remote_gpu.config import from_files
from jupyter_remote_gpu.errors import RemoteGPUError
from jupyter_remote_gpu.machines import EMBEDDED_NAME, flags
from jupyter_remote_gpu.machines.gpus import FLAGS as GPU_FLAGS
from jupyter_remote_gpu.machines.registry import Registry

from .exits import Exit

JSON = "--json"
NO_STDIN = ("-n", "--no-stdin")


class GrammarCommand(click.Command):
    """A command that is given its words as they were typed, as `words`.

    `groups` are those of `machines.flags` that mean something to it; what stands
    behind a `--` is nobody's but the script's.
    """

    groups: Collection[str] = ("add",)
    own: tuple[str, ...] = (JSON,)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave the words as they are; show the help where it is asked for, or without words."""
        own = args[: args.index("--")] if "--" in args else args
        if not ctx.resilient_parsing and (not own or "-h" in own or "--help" in own):
            click.echo(self.get_help(ctx), err=not own)
            ctx.exit(Exit.DONE if own else Exit.USAGE)
        ctx.params["words"] = tuple(args)
        return []

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete flags, machines and files."""
        words = ctx.params.get("words", ())
        if words and words[-1] == "--machine":
            return complete_machine(ctx, None, incomplete)
        if incomplete.startswith("-"):
            known = [f"--{flag.name}" for flag in flags.FLAGS if flag.group in self.groups]
            return [CompletionItem(w) for w in (*known, *self.own) if w.startswith(incomplete)]
        return self.operand(incomplete)

    def operand(self, incomplete: str) -> list[CompletionItem]:
        """Complete a word that is no flag: a name that nobody knows yet."""
        return []


class RunCommand(GrammarCommand):
    """The command `run`: its operand is a file."""

    groups = tuple(flags.GROUPS)
    own = (JSON, *NO_STDIN, *(f"--{gpu}" for gpu in GPU_FLAGS))

    def operand(self, incomplete: str) -> list[CompletionItem]:
        """Complete the script."""
        return [CompletionItem(incomplete, type="file")]


def complete_machine(ctx: Any, param: Any, incomplete: str) -> list[CompletionItem]:
    """Return the machines whose names begin so; called by a shell, must be quick."""
    try:
        known = Registry(from_files().plain().settings).machines()
    except RemoteGPUError:
        return []
    names = [EMBEDDED_NAME, *known]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
