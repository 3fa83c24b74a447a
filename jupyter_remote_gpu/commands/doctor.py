"""What `doctor` looks at: this computer, and each machine; with advice where something is wrong."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import platform
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager

from jupyter_remote_gpu import __version__
from jupyter_remote_gpu.errors import RemoteGPUError
from jupyter_remote_gpu.machines.known import KnownMachine
from jupyter_remote_gpu.machines.registry import Registry
from jupyter_remote_gpu.machines.ssh.bundle import bundle
from jupyter_remote_gpu.session.asking import look
from jupyter_remote_gpu.session.notes import SKEW_SECONDS
from jupyter_remote_gpu.session.summary import seconds_text, size_text
from jupyter_remote_gpu.uv_program import uv, uv_version

from .finding import Finding, State
from .machine_table import counted
from .project_findings import look_at_project
from .settings import Settings
from .ways import agent_of, brief

ASK_SECONDS = 10.0
LITTLE_DISK_BYTES = 10 << 30
LITTLE_CACHE_BYTES = 2 << 30


def look_here(settings: Settings, registry: Registry, folder: Path) -> list[Finding]:
    """Return what is found on this computer, and of the project that `folder` belongs to.

    Blocks for a few seconds at most.
    """
    looks: tuple[Callable[[], Iterable[Finding]], ...] = (
        _package,
        lambda: _ssh(settings),
        _keys,
        _uv,
        lambda: _folders(settings, registry),
        _notebooks,
        lambda: look_at_project(folder),
    )
    return [finding for look_at in looks for finding in look_at()]


async def look_there(settings: Settings, registry: Registry) -> list[Finding]:
    """Return what is found on each added machine; called in an event loop.

    Machines are only looked at: nothing is installed or started but their agents.
    """
    machines = registry.machines()
    if not machines:
        advice = "remote-gpu add NAME HOST adds one."
        return [Finding("machines", "warning", "none was added", advice)]
    found = await asyncio.gather(*(_machine(settings, one) for one in machines.values()))
    return [finding for some in found for finding in some]


# -- this computer ----------------------------------------------------------------------


def _package() -> Iterable[Finding]:
    version = f"{__version__} on Python {platform.python_version()}, {platform.platform()}"
    yield Finding("package", "good", version)


def _ssh(settings: Settings) -> Iterable[Finding]:
    program = settings.ssh[0]
    if shutil.which(program) is None:
        advice = "Install OpenSSH's client, or set JUPYTER_REMOTE_GPU_SSH."
        yield Finding("ssh", "bad", f"there is no program {program}", advice)
        return
    _, said = _ran(program, "-V")
    openssh = "OpenSSH" in said
    advice = "" if openssh else "OpenSSH is what this package was made for."
    yield Finding("ssh", "good" if openssh else "warning", said.strip() or program, advice)


def _keys() -> Iterable[Finding]:
    code, said = _ran("ssh-add", "-l")
    held = len(said.splitlines()) if code == 0 else 0
    folder = Path("~/.ssh").expanduser()
    files = sorted(path.name for path in folder.glob("id_*") if path.suffix != ".pub")
    parts = [f"{held} in the ssh-agent"] if held else []
    parts += [", ".join(files) + " in ~/.ssh"] if files else []
    open_keys = [name for name in files if stat.S_IMODE((folder / name).stat().st_mode) & 0o077]
    if open_keys:
        text = f"{', '.join(open_keys)} can be read by others; ssh refuses such keys"
        yield Finding("keys", "bad", text, f"chmod 600 ~/.ssh/{open_keys[0]}")
    elif parts:
        yield Finding("keys", "good", " · ".join(parts))
    else:
        text = "no key in an ssh-agent or in ~/.ssh (your ssh configuration may name others)"
        yield Finding(
            "keys", "warning", text, "ssh-keygen makes one, ssh-copy-id HOST installs it."
        )


def _uv() -> Iterable[Finding]:
    try:
        yield Finding("uv", "good", f"{uv_version()} ({uv()})")
    except (RemoteGPUError, OSError, subprocess.SubprocessError) as error:
        advice = "pip install uv"
        yield Finding("uv", "bad", f"packages cannot be chosen: {error}", advice)


def _folders(settings: Settings, registry: Registry) -> Iterable[Finding]:
    try:
        count = len(registry.machines())
        found: Finding = Finding(
            "settings",
            "good",
            f"{registry.path}: {count} {'machine' if count == 1 else 'machines'}",
        )
        if registry.path.exists() and stat.S_IMODE(registry.path.stat().st_mode) & 0o077:
            text = f"{registry.path} holds tokens and can be read by others"
            found = Finding("settings", "bad", text, f"chmod 600 {registry.path}")
        yield found
    except RemoteGPUError as error:
        yield Finding("settings", "bad", error.message, error.hint or "")
    for name, folder in (("cache", settings.cache), ("state", settings.home)):
        yield _folder(name, folder)


def _folder(name: str, folder: Path) -> Finding:
    place = folder
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        return Finding(name, "bad", f"{folder} cannot be written", f"Is {place} yours?")
    free = shutil.disk_usage(place).free
    little = free < LITTLE_CACHE_BYTES
    advice = "Make room: packages are kept here on their way." if little else ""
    state: State = "warning" if little else "good"
    return Finding(name, state, f"{folder}: {size_text(free)} free", advice)


def _notebooks() -> Iterable[Finding]:
    """Look at the Pythons that notebooks here run in: each must have this package."""
    specs = KernelSpecManager().get_all_specs()
    found = 0
    for name, known in specs.items():
        spec = known["spec"]
        if spec.get("language") != "python" or not spec.get("argv"):
            continue
        found += 1
        python = spec["argv"][0]
        where = shutil.which(python)
        what = f"notebooks ({name})"
        if where is None:
            yield Finding(what, "warning", f"its Python {python} is not there")
        elif os.path.realpath(where) == os.path.realpath(sys.executable) or _has_package(where):
            yield Finding(what, "good", f"%load_ext jupyter_remote_gpu works in {where}")
        else:
            text = f"{where} does not have this package"
            yield Finding(what, "warning", text, f"{where} -m pip install jupyter_remote_gpu")
    if not found and importlib.util.find_spec("notebook") is None:
        yield Finding("notebooks", "good", "no Jupyter kernel is installed for Python here")


def _has_package(python: str) -> bool:
    return _ran(python, "-c", "import jupyter_remote_gpu")[0] == 0


def _ran(*command: str) -> tuple[int, str]:
    """Return the exit code of a program and what it said, 127 and nothing if it cannot be run."""
    try:
        ran = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=ASK_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return 127, ""
    return ran.returncode, ran.stdout


# -- machines -----------------------------------------------------------------------------------


async def _machine(settings: Settings, machine: KnownMachine) -> list[Finding]:
    name = machine.name
    way, agent = brief(machine, settings), agent_of(machine)
    if way is None or agent is None:
        advice = f"remote-gpu run SCRIPT --machine {name} makes it ready."
        return [Finding(name, "warning", "was not reached yet", advice)]
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        found = await asyncio.wait_for(look(way), ASK_SECONDS)
    except asyncio.TimeoutError:
        advice = f"Is it on? Try: ssh {machine.host}"
        return [Finding(name, "bad", f"did not answer within {ASK_SECONDS:.0f} s", advice)]
    except (RemoteGPUError, OSError) as error:
        message = getattr(error, "message", str(error))
        return [Finding(name, "bad", message, getattr(error, "hint", None) or "")]
    findings = [Finding(name, "good", f"reached in {seconds_text(loop.time() - began)}")]
    findings.append(_clock(name, found["clock_ahead"]))
    findings.append(_disk(name, found["disk_free"], found.get("store")))
    gpus = counted(gpu["name"] for gpu in found["gpus"])
    driver = f", {agent.driver}" if agent.driver else ""
    advice = "" if gpus else "If it has one: does nvidia-smi work there?"
    text = f"{gpus}{driver}" if gpus else "none found"
    findings.append(Finding(f"{name}: GPU", "good" if gpus else "warning", text, advice))
    own = bundle(agent.platform, agent.python_version).name
    if agent.bundle == own:
        findings.append(Finding(f"{name}: agent", "good", f"of this version, in {agent.base}"))
    else:
        text = "of another version; it is renewed when the machine is next used"
        findings.append(Finding(f"{name}: agent", "good", text))
    return findings


def _clock(name: str, ahead: float) -> Finding:
    if abs(ahead) < SKEW_SECONDS:
        return Finding(f"{name}: clock", "good", f"within {SKEW_SECONDS:.0f} s of this one's")
    way = "ahead of" if ahead > 0 else "behind"
    text = f"{seconds_text(abs(ahead))} {way} this computer's"
    advice = "Set it (timedatectl set-ntp true): certificates and installs may fail until then."
    return Finding(f"{name}: clock", "warning", text, advice)


def _disk(name: str, free: int, store: object) -> Finding:
    held = f"; {size_text(store)} of files kept there" if isinstance(store, int) and store else ""
    if free >= LITTLE_DISK_BYTES:
        return Finding(f"{name}: disk", "good", f"{size_text(free)} free{held}")
    advice = f"remote-gpu clean {name} shows what of ours could go."
    return Finding(f"{name}: disk", "warning", f"only {size_text(free)} free{held}", advice)
