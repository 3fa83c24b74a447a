"""One login on a machine: it is looked at, given what it lacks, and left or kept as a channel.

The shell there goes on reading scripts (`looking.LISTEN`), so that a machine
that was never seen needs one login from the first look to the agent's greeting.
"""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from jupyter_remote_gpu.errors import AgentStartError, ConnectionLostError, DiskFullError
from jupyter_remote_gpu.protocol.plain_text import plain
from jupyter_remote_gpu.transport.ssh.channel import Channel, SSHTarget, open_channel

from .looking import LISTEN, look_script
from .probe import Probe, read_probe

LOOK_SECONDS = 30.0
STALL_SECONDS = 60.0
PIECE_BYTES = 1 << 16
LONGEST_LINE_BYTES = 1 << 16
MOST_LINES = 5000
WHOLE = b"whole\n"
"""Sent behind an archive: a connection that broke in the middle leaves nothing."""

# What arrives is unpacked beside its place and moved there when it is whole. Another client
# may do the same at the same time: then the one that comes second finds its own inside the
# other's, and throws it away.
_UNPACK = r"""
printf '%s\n' "$mark"
base={base} place={base}/{path}
new=$base/.new-$(uname -n)-$$
for old in "$base"/.new-"$(uname -n)"-*; do
  kill -0 "${old##*-}" 2>/dev/null || rm -rf "$old"
done
mkdir -p "${place%/*}" "$new/arrived" || exit 3
receive() {
  [ {blocks} = 0 ] || dd bs={piece} count={blocks} iflag=fullblock 2>/dev/null
  [ {rest} = 0 ] || dd bs={rest} count=1 iflag=fullblock 2>/dev/null
}
unpack() { tar xof - -C "$new/arrived" && cat >/dev/null; }
unzip() { {unzip} || echo "$?" >"$new/damaged"; }
receive | unzip | unpack && [ ! -e "$new/damaged" ] && read -r word && [ "$word" = whole ] || {
  rm -rf "$new"
  exit 4
}
{ [ -d "$place" ] || mv "$new/arrived" "$place"; } 2>/dev/null
[ ! -d "$place/arrived" ] || rm -rf "$place/arrived"
rm -rf "$new"
[ -d "$place" ] || exit 5
echo done
"""
_LEAVE_OUT = """
printf '%s\\n' "$mark"
aside={base}/.new-$(uname -n)-$$
mkdir -p "$aside" && mv {place} "$aside/" 2>/dev/null
rm -rf "$aside"
echo done
"""


class Visit:
    """A login on `target`'s machine whose shell waits for scripts. All methods block."""

    def __init__(self, target: SSHTarget, script: str = 'printf "%s\\n" "$mark"\n') -> None:
        self.host = target.host
        self.channel: Channel = open_channel(target, script + LISTEN, seconds=LOOK_SECONDS)

    def __enter__(self) -> Visit:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.channel.close()

    def read(self, seconds: float) -> str | None:
        """Return the next line that the machine prints; None if it prints no more."""
        self.channel.socket.settimeout(seconds)
        try:
            line = self.channel.read_line(LONGEST_LINE_BYTES)
        except TimeoutError:
            raise ConnectionLostError(
                f"{self.host} said nothing for {seconds:.0f} s while it was being made ready",
                hint="Try again; `ssh` to it by hand to see whether it answers.",
            ) from None
        except ConnectionResetError:
            line = b""
        if not line.endswith(b"\n"):
            return None
        return plain(line.decode(errors="replace").rstrip("\n"), LONGEST_LINE_BYTES)

    def lines(self, script: str, seconds: float) -> list[str] | None:
        """Run a script that prints lines and `end=end`; None if it ended before that."""
        self.channel.run(script, seconds=seconds)
        return self.lines_to_end(seconds)

    def lines_to_end(self, seconds: float) -> list[str] | None:
        """Return the lines that come before `end=end`."""
        found: list[str] = []
        while (line := self.read(seconds)) is not None and len(found) < MOST_LINES:
            if line == "end=end":
                return found
            found.append(line)
        return None

    def unpack(
        self, archive: Path, base: str, path: str, sent: Callable[[int], None] | None = None
    ) -> None:
        """Send a .tar.gz or .tar and unpack it as the folder `base/path`, whole or not at all.

        A folder that is there stays as it is. `sent` is called with the bytes of
        each piece. Raises DiskFullError, AgentStartError with the machine's own
        words, ConnectionLostError.
        """
        blocks, rest = divmod(archive.stat().st_size, PIECE_BYTES)
        script = _UNPACK
        for name, word in {
            "base": shlex.quote(base),
            "path": shlex.quote(path),
            "piece": str(PIECE_BYTES),
            "blocks": str(blocks),
            "rest": str(rest),
            "unzip": "cat" if archive.suffix == ".tar" else "gzip -dc",
        }.items():
            script = script.replace("{" + name + "}", word)
        self.channel.run(script, seconds=LOOK_SECONDS)
        self.channel.socket.settimeout(STALL_SECONDS)
        try:
            _send(self.channel.socket, archive, sent)
        except TimeoutError as error:
            raise ConnectionLostError(
                f"{self.host} took nothing for {STALL_SECONDS:.0f} s while it was being sent"
                f" {path}",
                hint="Try again: what was sent so far is thrown away, nothing is half installed.",
            ) from error
        if self.read(STALL_SECONDS) != "done":
            raise self._not_unpacked(base, path)

    def remove(self, base: str, path: str) -> None:
        """Take a folder away that does not work, so that it can be sent again."""
        script = _LEAVE_OUT.replace("{base}", shlex.quote(base))
        self.channel.run(
            script.replace("{place}", shlex.quote(f"{base}/{path}")), seconds=LOOK_SECONDS
        )
        self.read(STALL_SECONDS)

    def _not_unpacked(self, base: str, path: str) -> AgentStartError | DiskFullError:
        status, words = self.channel.last_words()
        if re.search(r"quota", words, re.IGNORECASE):
            return DiskFullError(
                f"your quota on {self.host} was reached while {path} was unpacked in {base};"
                " what had arrived was removed again",
                hint="Make room there, or set XDG_DATA_HOME to a folder on another disk.",
            )
        # "Wrote only" is what tar says of a file whose first half still found room
        if re.search(r"No space left|Wrote only", words):
            return DiskFullError(
                f"the disk of {self.host} that {base} lies on, or your share of it, ran full"
                f" while {path} was unpacked; what had arrived was removed again",
                hint="Make room there, or set XDG_DATA_HOME to a folder on another disk.",
            )
        return AgentStartError(
            f"{path} could not be unpacked on {self.host} (status {status})",
            hint=words or "It gave no reason. Try again.",
        )


def look(target: SSHTarget) -> tuple[Visit, Probe]:
    """Log in and look at the machine; the visit goes on. Blocks.

    Raises what connecting raises, and AgentStartError for a machine that can
    never be used, with the reason.
    """
    visit = Visit(target, look_script())
    try:
        found = visit.lines_to_end(LOOK_SECONDS)
        if found is None:
            status, words = visit.channel.last_words()
            raise AgentStartError(
                f"{target.host} could not be looked at: its shell ended with status {status}",
                hint=words or "Log in by hand and see whether a plain `/bin/sh` works there.",
            )
        return visit, read_probe(target.host, "\n".join(found))
    except BaseException:
        visit.channel.close()
        raise


def _send(opened: socket.socket, archive: Path, sent: Callable[[int], None] | None) -> None:
    """Send a file; a machine that stops reading says why by itself."""
    with archive.open("rb") as file:
        try:
            while piece := file.read(PIECE_BYTES):
                opened.sendall(piece)
                if sent is not None:
                    sent(len(piece))
            opened.sendall(WHOLE)
        except (BrokenPipeError, ConnectionResetError):
            return
