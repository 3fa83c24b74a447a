"""Network namespaces: whether they can be had, making them, entering one for a moment."""

from __future__ import annotations

import ctypes
import itertools
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_PLACE = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_counter = itertools.count()
_libc = ctypes.CDLL(None, use_errno=True)


@cache
def why_not() -> str | None:
    """Return why there can be no lab here, or None."""
    if os.getuid() != 0:
        return "network namespaces need root"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    for tool, package in (
        ("ip", "iproute2"),
        ("sshd", "openssh-server"),
        ("ssh", "openssh-client"),
        ("unshare", "util-linux"),
        ("nsenter", "util-linux"),
    ):
        if shutil.which(tool, path=path) is None:
            return f"there is no {tool} (Debian's {package}; scripts/sshd.sh installs it)"
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        return "there is no C compiler, which builds the link"
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return f"there is no /dev/net/tun: {error.strerror}"
    trial = ["unshare", "--mount", "--net", "--pid", "--uts", "--fork", "mount", "-t", "tmpfs"]
    tried = subprocess.run([*trial, "none", "/tmp"], capture_output=True, text=True)
    if tried.returncode:
        return f"namespaces cannot be had here: {tried.stderr.strip()}"
    return None


def fresh_name() -> tuple[str, int]:
    """Return a name no other lab has, in this process or another, and a number below 2^14."""
    count = next(_counter)
    return f"rg{os.getpid()}x{count}", (os.getpid() * 7 + count) % (1 << 14)


def make(name: str) -> None:
    """Make a network namespace with a loopback device."""
    for stale in _PLACE.glob("rg*x*") if _PLACE.is_dir() else ():
        _remove_orphan(stale.name)
    ip("netns", "add", name)
    ip("-n", name, "link", "set", "lo", "up")
    # bbr, which some hosts choose, hides what a cut does to a connection; no matter if it is fixed
    control = ["sysctl", "-qw", "net.ipv4.tcp_congestion_control=cubic"]
    subprocess.run(["ip", "netns", "exec", name, *control], capture_output=True)


def remove(name: str) -> None:
    """Forget a namespace; it is gone with its last process."""
    subprocess.run(["ip", "netns", "del", name], capture_output=True)


def ip(*arguments: str) -> None:
    """Run `ip`; CalledProcessError shows what it said."""
    subprocess.run(["ip", *arguments], check=True)


def path(name: str) -> str:
    """Return the file that stands for a namespace."""
    return str(_PLACE / name)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Let this thread make its sockets in a namespace; they stay there."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(path(name), os.O_RDONLY | os.O_CLOEXEC)
    try:
        _enter(there)
        try:
            yield
        finally:
            _enter(own)
    finally:
        os.close(own)
        os.close(there)


def dial(name: str, address: tuple[str, int], seconds: float) -> socket.socket:
    """Connect to an address from inside a namespace, as `socket.create_connection` does."""
    with inside(name):
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.settimeout(seconds)
        made.connect(address)
    except BaseException:
        made.close()
        raise
    return made


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _remove_orphan(name: str) -> None:
    """Remove a namespace that a killed test run left behind."""
    match = re.fullmatch(r"rg(\d+)x\d+.*", name)
    if match is not None and not Path(f"/proc/{match[1]}").exists():
        remove(name)
