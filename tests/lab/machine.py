"""The far computer: namespaces of its own, a process number one, an ordinary user."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import bare

USER = "rgpu-test"
STATE = "/run/lab"
"""Where the machine sees the lab's own folder: keys and configuration of its server."""
_INIT = """
echo gpu-box > /proc/sys/kernel/hostname
echo ready
cat > /dev/null
"""
_WAITING = "cat"
"""Process number one, and what it waits for: so a shell gathers whatever ends meanwhile. It is a
file that no mount covers, as the Python of these tests may be."""


@dataclass
class Machine:
    """A computer in namespaces; `start` boots it, `stop` is the power switch.

    `folder` is the lab's; `home` lasts over reboots. A `bare` one has a root of
    its own without Python. `sees` are paths of this computer that its user may
    read (a Python to serve as the machine's image, say).
    """

    folder: Path
    netns: str
    uid: int
    is_bare: bool
    shell: str
    sees: Sequence[Path]
    _process: subprocess.Popen[bytes] | None = None
    _init: int = 0

    @property
    def root(self) -> Path:
        """Where this computer sees the machine's root."""
        return self.folder / "root" if self.is_bare else Path("/")

    @property
    def home(self) -> Path:
        """Where this computer sees the user's home."""
        return self.root / "home" / USER if self.is_bare else self.folder / "home"

    def prepare(self) -> None:
        """Make what lasts: the home, the users' table, the root of a bare machine."""
        if self.is_bare:
            shutil.copytree(bare.skeleton(), self.root, symlinks=True)
        self.home.mkdir(parents=True)
        (self.folder / "run").mkdir()
        os.chown(self.home, self.uid, self.uid)
        self.home.chmod(0o755)
        line = f"{USER}:x:{self.uid}:{self.uid}::/home/{USER}:{self.shell}\n"
        kept = [] if self.is_bare else _lines("/etc/passwd", USER)
        server = [] if any(k.startswith("sshd:") for k in kept) else [_SERVER]
        base = kept or ["root:x:0:0:root:/root:/bin/sh\n"]
        etc = self.root / "etc" if self.is_bare else self.folder
        (etc / "passwd").write_text("".join([*base, *server, line]))
        # "*" is no password at all, yet not the sign of a locked account
        words = [f"{k.split(':', 1)[0]}:*:19000:0:99999:7:::\n" for k in [*base, *server, line]]
        (etc / "shadow").write_text("".join(words))
        groups = [] if self.is_bare else _lines("/etc/group", USER)
        (etc / "group").write_text("".join([*groups, f"{USER}:x:{self.uid}:\n"]))

    def start(self) -> None:
        """Boot; returns once commands can be run there."""
        script = self._bare_mounts() if self.is_bare else self._mounts()
        init = shlex.join(["sh", "-c", _INIT])
        enter = ["nsenter", f"--net=/run/netns/{self.netns}"] if self.netns else []
        apart = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child"]
        text = f"set -e\nmount --make-rprivate /\n{script}exec {init}\n"
        self._process = subprocess.Popen(
            [*enter, *apart, "sh", "-c", text],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._process.stdout and self._process.stderr
        if self._process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"no machine: {self._process.stderr.read().decode()}")
        pid = self._process.pid
        self._init = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def stop(self) -> None:
        """Switch it off: every process there is killed at once."""
        if self._process is None:
            return
        if self._init:  # number 0 would be ourselves and all beside us
            os.kill(self._init, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream
            stream.close()
        self._process = None

    def command(self, *words: str) -> list[str]:
        """Return the command that runs `words` there, as root."""
        enter = ["nsenter", "-t", str(self._init), "-m", "-p", "-n", "-u", "-i"]
        return [*enter, *(["chroot", str(self.root)] if self.is_bare else []), *words]

    def run(self, *words: str, user: bool = False) -> str:
        """Run a command there as root, or as the user; return its output. Must succeed."""
        enter = self.command(*words)
        if user:
            enter[1:1] = ["-S", str(self.uid), "-G", str(self.uid)]
        environ = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": f"/home/{USER}"}
        ran = subprocess.run(enter, capture_output=True, text=True, env=environ)
        if ran.returncode:
            raise RuntimeError(f"{shlex.join(words)} ended with {ran.returncode}: {ran.stderr}")
        return ran.stdout

    def processes(self) -> Iterator[tuple[int, str]]:
        """Return number (as this computer counts) and command line of what was started there."""
        own = os.readlink(f"/proc/{self._init}/ns/pid")
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == self._init:
                continue
            try:
                if os.readlink(entry / "ns" / "pid") == own:
                    words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if words.strip() != _WAITING:
                        yield int(entry.name), words.strip()
            except OSError:
                continue

    def _mounts(self) -> str:
        """Give the user a home, a /tmp and a /run of the machine's own."""
        run = _quoted(self.folder, "run")
        lines = [
            f"mount -t tmpfs -o mode=755 none {run}",
            f"mkdir {run}/lab {run}/sshd {run}/stage",
            f"mount --bind {shlex.quote(str(self.folder))} {run}/lab",
            # what is needed from below the folders that are covered next is held on to first
            *(_bind(f"{run}/stage/{i}", seen) for i, seen in enumerate(self.sees)),
            f"mount --rbind {run} /run",
            "for d in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o mode=1777 none $d; done",
            "mount -t proc proc /proc",
            "mount -t tmpfs -o mode=755 none /home",
            f"mkdir /home/{USER}",
            f"mount --bind {STATE}/home /home/{USER}",
            *(f"mount --bind {STATE}/{n} /etc/{n}" for n in ("passwd", "shadow", "group")),
        ]
        for i, seen in enumerate(self.sees):
            cover = _closed_ancestor(seen)
            if cover is not None and not any(cover == _closed_ancestor(p) for p in self.sees[:i]):
                lines.append(f"mount -t tmpfs -o mode=755 none {shlex.quote(str(cover))}")
        for i, seen in enumerate(self.sees):
            if _closed_ancestor(seen) is not None or _is_covered(seen):
                lines.append(f"mkdir -p {shlex.quote(str(seen))}")
                lines.append(f"mount --bind /run/stage/{i} {shlex.quote(str(seen))}")
        return "".join(f"{line}\n" for line in lines)

    def _bare_mounts(self) -> str:
        root = shlex.quote(str(self.root))
        return (
            f"mount -t proc proc {root}/proc\n"
            f"mount -t tmpfs -o mode=755 none {root}/dev\n"
            f"for n in null zero full random urandom tty; do cp -a /dev/$n {root}/dev/; done\n"
            f"mkdir -p {root}/dev/pts {root}/dev/shm {root}{STATE}\n"
            f"chmod 1777 {root}/dev/shm\n"
            f"mount --bind {shlex.quote(str(self.folder))} {root}{STATE}\n"
        )


_SERVER = "sshd:x:199:65534::/run/sshd:/bin/false\n"


def _lines(path: str, without: str) -> list[str]:
    lines = Path(path).read_text().splitlines(keepends=True)
    return [line for line in lines if not line.startswith(f"{without}:")]


def _quoted(folder: Path, *names: object) -> str:
    return shlex.quote(str(folder.joinpath(*map(str, names))))


def _bind(there: str, seen: Path) -> str:
    return f"mkdir -p {there} && mount --bind {shlex.quote(str(seen))} {there}"


def _closed_ancestor(path: Path) -> Path | None:
    """Return the topmost folder above a path that others may not pass through."""
    for ancestor in reversed(path.parents):
        if not ancestor.stat().st_mode & stat.S_IXOTH:
            return ancestor
    return None


def _is_covered(path: Path) -> bool:
    """Whether a path lies where the machine has a folder of its own."""
    return any(path.is_relative_to(p) for p in ("/tmp", "/var/tmp", "/run", "/home", "/dev/shm"))
