"""A root folder with a shell, the usual small tools, an SSH server, and no Python."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

TOOLS = [
    "sh",
    "bash",
    "dash",
    "cat",
    "chmod",
    "chown",
    "cp",
    "cut",
    "date",
    "dd",
    "df",
    "dirname",
    "basename",
    "echo",
    "env",
    "expr",
    "false",
    "find",
    "getconf",
    "getent",
    "grep",
    "gzip",
    "gunzip",
    "head",
    "hostname",
    "id",
    "kill",
    "ldd",
    "ln",
    "ls",
    "mkdir",
    "mktemp",
    "mkfifo",
    "mount",
    "mv",
    "nohup",
    "nproc",
    "printf",
    "ps",
    "pwd",
    "readlink",
    "realpath",
    "rm",
    "rmdir",
    "sed",
    "setsid",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "sync",
    "tail",
    "tar",
    "tee",
    "test",
    "touch",
    "tr",
    "true",
    "tty",
    "umount",
    "uname",
    "uniq",
    "wc",
    "which",
    "xargs",
    "awk",
    "mawk",
    "sshd",
]
LIBRARIES = [
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libutil.so.1",
    "libresolv.so.2",
    "libnss_files.so.2",
    "libnss_dns.so.2",
    "libgcc_s.so.1",
    "libstdc++.so.6",
    "libz.so.1",
]
"""What every Linux a wheel may meet has (manylinux)."""
_SEARCH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/usr/lib/openssh"


@cache
def skeleton() -> Path:
    """Make the root once a process; whoever uses it copies it."""
    root = Path(tempfile.mkdtemp(prefix="rgbare-")) / "root"
    for folder in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "var/empty"):
        (root / folder).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for folder in ("dev/pts", "proc", "run/sshd", "tmp", "var/tmp", "home", "root", "sys"):
        (root / folder).mkdir(parents=True)
    for folder in ("tmp", "var/tmp"):
        (root / folder).chmod(0o1777)
    found = [path for tool in TOOLS if (path := shutil.which(tool, path=_SEARCH))]
    # the newer servers keep a session in a program of its own
    found += [str(p) for p in Path("/usr/lib/openssh").glob("sshd-*")]
    for path in found:
        _copy(root, path)
    for path in _libraries(found):
        _copy(root, path)
    (root / "etc" / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    return root


def _copy(root: Path, path: str) -> None:
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy(path, target)


def _libraries(programs: list[str]) -> set[str]:
    """Return the libraries that these load, and those that are always there."""
    said = subprocess.run(["ldd", *programs], capture_output=True, text=True).stdout
    words = {word for line in said.splitlines() for word in line.split()}
    found = {word for word in words if word.startswith("/") and Path(word).is_file()}
    folders = {str(Path(word).parent) for word in found}
    for name in LIBRARIES:
        found.update(f"{f}/{name}" for f in folders if Path(f, name).is_file())
    return found
