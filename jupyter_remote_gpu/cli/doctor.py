"""`doctor`: what keeps things from working, here and on each machine, and what to do."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from jupyter_remote_gpu.commands.doctor import look_here, look_there
from jupyter_remote_gpu.commands.finding import Finding

from .carrying import with_here
from .exits import Exit
from .here import Here

_MARKS = {"good": "ok     ", "warning": "look at", "bad": "BROKEN "}


@click.command("doctor", short_help="Look for what keeps things from working.")
@with_here
def doctor(here: Here) -> int:
    """Look at this computer, the project one is in and every machine, and say what to do.

    Ends with 1 if something is broken.
    """
    found = look_here(here.settings, here.registry, Path.cwd())
    broken_settings = any(one.what == "settings" and one.state == "bad" for one in found)
    if not broken_settings:
        work = look_there(here.settings, here.registry)
        found += here.run(work, "the machines to answer")
    bad = any(one.state == "bad" for one in found)
    here.say("\n".join(_line(one) for one in found), findings=[asdict(one) for one in found])
    return Exit.TROUBLE if bad else Exit.DONE


def _line(one: Finding) -> str:
    line = f"{_MARKS[one.state]}  {one.what}: {one.text}"
    return f"{line}\n         → {one.advice}" if one.advice else line


COMMANDS = (doctor,)
