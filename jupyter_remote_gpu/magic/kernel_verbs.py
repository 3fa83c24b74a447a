"""What the verbs do that look after a machine's kernel: status, interrupt, restart, stop…"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from jupyter_remote_gpu.errors import NotAvailableError, RemoteGPUError
from jupyter_remote_gpu.files.path_text import path_text
from jupyter_remote_gpu.protocol import messages
from jupyter_remote_gpu.session.file_words import waiting_line
from jupyter_remote_gpu.session.session import Session
from jupyter_remote_gpu.session.summary import losses_text, seconds_text, size_text

from .arguments import LineCommand
from .coming_files import coming_text
from .extension import Extension
from .joined import Joined
from .remote_error import remote_exception


def _status(extension: Extension, command: LineCommand) -> None:
    joined = extension.machines.chosen(command.request)
    lines = [
        f"machine    {joined.machine.describe()}",
        *_place(joined),
        f"trust      {_trust(joined)}",
        *_files(joined),
    ]
    with joined.named():
        lines += _kernel(joined.session)
    for other in extension.machines.joined:
        if other is not joined and other.session.kernel is not None:
            lines.append(f"also       {other.name}: {_short(other)}")
    print("\n".join(lines))


def _place(joined: Joined) -> list[str]:
    place = joined.session.workspace
    folder = place.folder or "not made yet"
    python = place.python or "chosen when the first cell runs there"
    if joined.machine.kind == "embedded":
        folder += _own(folder, os.getcwd(), "folder")
        python += _own(python, sys.executable, "interpreter")
    return [f"workspace  {folder}", f"python     {python}"]


def _files(joined: Joined) -> list[str]:
    """Return the lines about the project's files: what follows, comes, waits."""
    files = joined.place.files
    if files is None:
        return []
    lines = [f"files      {files.root} follows"]
    coming, waiting = files.coming(), files.waiting()
    if coming:
        lines.append(f"           {coming_text('', coming)}")
    if waiting:
        lines.append(f"           {waiting_line(joined.name, waiting)}")
    return lines


def _own(found: str, here: str, what: str) -> str:
    return f" (the notebook's own {what})" if found == here else ""


def _trust(joined: Joined) -> str:
    if joined.machine.trusted:
        return "trusted"
    scripts = "its scripts are allowed" if joined.permission.allowed else "no scripts"
    return f"not trusted: only data comes back, {scripts}"


def _kernel(session: Session) -> list[str]:
    """Return the lines about a session's kernel and what it stands on; starts nothing."""
    if session.kernel is None:
        return ["kernel     not started; the first %%remote_gpu cell starts it"]
    lines = []
    found = session.request(messages.Status)
    mine = [k for k in found["kernels"] if k["kernel"] == session.kernel["kernel"]]
    if mine and not mine[0]["dead"]:
        since = seconds_text(time.time() - mine[0]["started"])
        doing = "running a cell" if mine[0]["busy"] else "idle"
        lines.append(f"kernel     process {mine[0]['pid']}, {doing}, started {since} ago")
    else:
        lines.append("kernel     has ended; the next %%remote_gpu cell starts a new one")
    runs = session.runs()
    if runs:
        lines.append(f"runs       {len(runs)}, the last one: {runs[-1]['status']}")
    if "memory_total" in found:
        free, total = size_text(found["memory_free"]), size_text(found["memory_total"])
        lines.append(f"memory     {free} free of {total}")
    lines.append(f"disk       {size_text(found['disk_free'])} free")
    gpus = [f"{g['name']}, {g['use_percent']} % busy" for g in found["gpus"]]
    lines.append(f"gpu        {', '.join(gpus) or 'none'}")
    held = sum(k["held"] for k in found["kernels"])
    if held:
        lines.append(f"warning    the disk is full: {size_text(held)} of output wait for room")
    return lines


def _short(joined: Joined) -> str:
    """Return in a few words how another machine of this notebook is doing."""
    session = joined.session
    assert session.kernel is not None
    try:
        found = session.request(messages.Status, timeout=3.0)
    except RemoteGPUError as error:
        return f"does not answer ({error.message})"
    mine = [k for k in found["kernels"] if k["kernel"] == session.kernel["kernel"]]
    if not mine or mine[0]["dead"]:
        return "its kernel has ended"
    return "running a cell" if mine[0]["busy"] else "idle"


def _allow_scripts(extension: Extension, command: LineCommand) -> None:
    joined = extension.machines.chosen(command.request)
    joined.permission.allow()
    name = joined.name
    if name in extension.machines.registry.machines():
        extension.machines.registry.change(name, scripts=True)
    if joined.machine.trusted:
        print(f"{name} is trusted: its scripts and widgets reach the page anyway")
        return
    print(
        f"scripts and widgets of {name} may now act in this notebook's page, as if you had written"
        " them; what was left out before comes when its cell is run again"
    )


def _interrupt(extension: Extension, command: LineCommand) -> None:
    joined = extension.machines.chosen(command.request)
    with joined.named():
        joined.session.interrupt()
    print(f"interrupted what runs on {joined.name}")


def _restart(extension: Extension, command: LineCommand) -> None:
    joined = extension.machines.chosen(command.request)
    with joined.working():
        losses = joined.session.stop()
        joined.session.ready()
    print(f"{joined.name} has a fresh remote Python")
    if losses is not None:
        print(losses_text(losses))


def _stop(extension: Extension, command: LineCommand) -> None:
    joined = extension.machines.chosen(command.request)
    with joined.named():
        losses = joined.session.stop()
    if losses is None:
        print(f"nothing was running on {joined.name}")
        return
    print(f"stopped the remote Python on {joined.name}")
    print(losses_text(losses))


def _runs(extension: Extension, command: LineCommand) -> None:
    joined = extension.machines.chosen(command.request)
    with joined.named():
        runs = joined.session.runs()
    if not runs:
        print(f"There are no runs on {joined.name} yet.")
    before: dict[str, str] = {}
    for number, run in enumerate(runs, 1):
        began = time.strftime("%H:%M:%S", time.localtime(run["started"]))
        took = seconds_text((run["ended"] or time.time()) - run["started"])
        first = run["source"].strip().splitlines()[0][:50]
        error = f" ({run['error']})" if run["error"] else ""
        print(f"{number:>3}  {began}  {took:>8}  {run['status']}{error}  [{run['count']}] {first}")
        data = run["datasets"]
        for at, text in data.items():
            if before.get(at) != text:
                print(f"     {path_text(at)} is {path_text(text)} from here on")
        before = data


def _attach(extension: Extension, command: LineCommand) -> None:
    joined = extension.machines.chosen(command.request)
    with joined.working():
        left = joined.session.survivors()
    if not left:
        raise NotAvailableError(
            f"no remote Python of this notebook was left running on {joined.name}",
            hint="A %%remote_gpu cell starts one; `%remote_gpu machines` shows what runs where.",
        )
    joined.front_end.begin()
    with joined.named():
        outcome = joined.session.attach(left[-1])
    if outcome is not None and outcome.error is not None:
        raise remote_exception(outcome.error)


VERBS: dict[str, Callable[[Extension, LineCommand], Any]] = {
    "status": _status,
    "interrupt": _interrupt,
    "restart": _restart,
    "stop": _stop,
    "runs": _runs,
    "attach": _attach,
    "allow-scripts": _allow_scripts,
}
