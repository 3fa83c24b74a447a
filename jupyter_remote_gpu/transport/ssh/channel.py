"""A session channel: one command on the host, whose standard streams are a socket here.

The command that appears in process lists is always the same (`REMOTE_COMMAND`):
a shell that reads what to do from its input. So login shells of any kind (fish,
csh) agree on its quoting, and nothing secret is ever an argument.
"""

from __future__ import annotations

import contextlib
import random
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from jupyter_remote_gpu.errors import (
    ConnectionLostError,
    MachineError,
    ServerBusyError,
    UnreachableError,
)
from jupyter_remote_gpu.protocol.plain_text import plain

from .refusals import refusal

REMOTE_COMMAND = "exec /bin/sh -c 'read -r n && eval \"$(dd bs=1 count=$n 2>/dev/null)\"'"
"""Reads a script's length, then the script byte for byte: what follows is the script's input."""
FIRST_WORD_SECONDS = 30.0
BUSY_PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0)
"""A server that takes no more connections at this moment is asked again after these."""
END_SECONDS = 5.0
NOISE_BYTES = 1 << 20
"""More than this from a shell's start-up files is not waited for."""
ERROR_BYTES = 64 << 10
OPTIONS = (
    # ask nothing: there is no terminal; a key with a passphrase is the ssh agent's business
    *("-o", "BatchMode=yes"),
    *("-o", "RequestTTY=no"),
    *("-o", "RemoteCommand=none"),
    *("-o", "EscapeChar=none"),
    # the machine gets nothing of ours: no agent, no display, no open port
    *("-o", "ForwardAgent=no"),
    *("-o", "ForwardX11=no"),
    *("-o", "ClearAllForwardings=yes"),
    *("-o", "PermitLocalCommand=no"),
    # a configuration that lets ssh take any key does not count: machines run what we send
    *("-o", "StrictHostKeyChecking=yes"),
    # a connection of its own: one that is shared with others dies and fills up with them
    *("-o", "ControlMaster=no"),
    *("-o", "ControlPath=none"),
    # what goes wrong is said, whatever the user's configuration keeps quiet
    *("-o", "LogLevel=INFO"),
    # a dead link is noticed within 45 s, and one that a firewall would forget is kept known
    *("-o", "ServerAliveInterval=15"),
    *("-o", "ServerAliveCountMax=3"),
    *("-o", "ConnectTimeout=20"),
    # 1.6 times the speed of the default cipher where the processor has AES
    *("-o", "Ciphers=^aes128-gcm@openssh.com,aes256-gcm@openssh.com"),
    "-T",
)


Dial = Callable[[tuple[str, int], float], socket.socket]
"""Connects to (host, port) within so many seconds, or raises OSError."""


@dataclass(frozen=True, slots=True)
class SSHTarget:
    """What is said to `ssh`: a name of `~/.ssh/config` or user@host, and options before it.

    `options` win over those of ours: a file of pinned host keys
    (`-oUserKnownHostsFile=…`) is named by them. `program` is another OpenSSH or
    has words for all machines; `dial` goes with one that sees another network
    than this process.
    """

    host: str
    options: tuple[str, ...] = ()
    program: tuple[str, ...] = ("ssh",)
    dial: Dial = field(default=socket.create_connection, compare=False, repr=False)

    def command(self) -> list[str]:
        """Return the command line: nothing in it is secret."""
        return [*self.program, *self.options, *OPTIONS, "--", self.host, REMOTE_COMMAND]


@dataclass(slots=True)
class Channel:
    """An open session channel. `socket` carries the bytes behind the mark, both ways."""

    target: SSHTarget
    socket: socket.socket
    process: subprocess.Popen[bytes]
    mark: str = ""
    errors: bytearray = field(default_factory=bytearray)
    _reader: threading.Thread | None = None

    def close(self) -> None:
        """Hang up; the command there sees the end of its input."""
        self.socket.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        self.process.wait()
        if self._reader is not None:
            self._reader.join()

    def read_line(self, limit: int) -> bytes:
        """Read one line, its end included, and not a byte more; shorter at the stream's end.

        Raises `ConnectionLostError` if it is longer than `limit`.
        """
        line = bytearray()
        while not line.endswith(b"\n"):
            piece = _receive_up_to_line_end(self.socket)
            line += piece
            if not piece:
                break
            if len(line) > limit:
                raise ConnectionLostError(
                    f"{self.target.host} answered with something else than was expected",
                    hint="Do the machine's start-up files print without end?",
                )
        return bytes(line)

    def run(self, script: str, *, seconds: float) -> None:
        """Give the next script to one that reads scripts as REMOTE_COMMAND does; blocks until
        it has printed `$mark`. Raises as `open_channel` does.
        """
        body = script.encode()
        self.socket.settimeout(seconds)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(b"%d\n%s" % (len(body), body))
        _await_mark(self, self.mark.encode(), seconds)
        self.socket.settimeout(None)

    def last_words(self, seconds: float = FIRST_WORD_SECONDS) -> tuple[int, str]:
        """Wait for the command there to end; return its status and all that was complained of.

        One that does not end within `seconds` is hung up on.
        """
        try:
            status = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        if self._reader is not None:
            self._reader.join()
        return status, self.said()

    def ended(self) -> MachineError:
        """Return why the stream has come to its end: what ssh said, or the command's status."""
        try:
            status = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            status = 0
        if self._reader is not None:
            self._reader.join(END_SECONDS)
        ssh = (*self.target.program, *self.target.options)
        return refusal(self.target.host, status, self.said(), ssh)

    def said(self) -> str:
        """Return what ssh, or the command there, wrote to its standard error so far."""
        return plain(self.errors.decode(errors="replace").strip(), ERROR_BYTES)


def open_channel(
    target: SSHTarget, script: str, *, given: bytes = b"", seconds: float = FIRST_WORD_SECONDS
) -> Channel:
    """Run `script` in a plain shell on the host and return the channel behind its mark.

    `given` is the beginning of the script's input; sent along, it costs no round trip.

    The script finds a random word in `$mark` and prints it at the start of a
    line when it begins to speak; whatever came before is start-up noise.
    Blocks until then; a server that is too busy to answer is asked a few times.
    Raises `ConnectionLostError` or the refusal that ssh's own words mean
    (`refusals.refusal`).
    """
    pauses = iter(BUSY_PAUSES_SECONDS)
    while True:
        try:
            return _open(target, script, given, seconds)
        except ServerBusyError:
            pause = next(pauses, None)
            if pause is None:
                raise
        # not all at once: whoever makes connections beside us waits as well
        time.sleep(pause * random.uniform(0.7, 1.3))


def _open(target: SSHTarget, script: str, given: bytes, seconds: float) -> Channel:
    mark = f"mark-{secrets.token_hex(8)}"
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(
            target.command(),
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.PIPE,
            start_new_session=True,  # the notebook's stop button is not for it
        )
    except OSError as error:
        ours.close()
        raise ConnectionLostError(
            f"ssh could not be run: {error}",
            hint="Install OpenSSH's client (`ssh`), which connects to machines.",
        ) from error
    finally:
        theirs.close()
    channel = Channel(target, ours, process, mark)
    channel._reader = threading.Thread(target=_collect, args=(channel,), daemon=True)
    channel._reader.start()
    body = f"mark={mark}\n{script}".encode()
    try:
        ours.settimeout(seconds)
        _say(channel, b"%d\n%s%s" % (len(body), body, given))
        _await_mark(channel, mark.encode(), seconds)
        ours.settimeout(None)
    except BaseException:
        channel.close()
        raise
    return channel


def _say(channel: Channel, words: bytes) -> None:
    """Send a channel's first words; an ssh that has ended by then says why."""
    try:
        channel.socket.sendall(words)
    except TimeoutError:
        raise _silent(channel, channel.socket.gettimeout() or 0.0) from None
    except OSError as error:
        raise channel.ended() from error


def run_script(
    target: SSHTarget, script: str, given: bytes = b"", *, seconds: float
) -> tuple[int, bytes, str]:
    """Run `script` on the host with `given` as its input; return (status, output, errors).

    The script prints `$mark` first, as for `open_channel`; output is what comes
    behind it. Blocks, at most `seconds` between signs of life.
    """
    channel = open_channel(target, script, seconds=seconds)
    try:
        channel.socket.settimeout(seconds)
        sending = threading.Thread(target=_send, args=(channel.socket, given), daemon=True)
        sending.start()
        output = bytearray()
        while piece := channel.socket.recv(1 << 16):
            output += piece
        sending.join()
        status = channel.process.wait(timeout=seconds)
        if channel._reader is not None:
            channel._reader.join(END_SECONDS)  # what it wrote last may be on its way still
        return status, bytes(output), channel.said()
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        raise ConnectionLostError(
            f"{target.host} said nothing for {seconds:.0f} s while it was being made ready",
            hint="Try again; `ssh` to it by hand to see whether it answers.",
        ) from error
    finally:
        channel.close()


def _send(opened: socket.socket, data: bytes) -> None:
    """Send all of a script's input and its end; one that ends early does not read it."""
    with contextlib.suppress(OSError):
        opened.sendall(data)
        opened.shutdown(socket.SHUT_WR)


def _await_mark(channel: Channel, mark: bytes, seconds: float) -> None:
    """Read, byte by byte at the end, up to the line that is the mark."""
    deadline = time.monotonic() + seconds
    seen = bytearray()
    while not seen.endswith(b"\n" + mark + b"\n") and seen != mark + b"\n":
        left = deadline - time.monotonic()
        if left <= 0 or len(seen) > NOISE_BYTES:
            raise _silent(channel, seconds)
        channel.socket.settimeout(left)
        try:
            piece = _receive_up_to_line_end(channel.socket)
        except TimeoutError:
            raise _silent(channel, seconds) from None
        except OSError as error:
            raise channel.ended() from error
        if not piece:
            raise channel.ended()
        seen += piece


def _receive_up_to_line_end(opened: socket.socket) -> bytes:
    """Receive at most one line and never a byte of what follows it."""
    ahead = opened.recv(4096, socket.MSG_PEEK)
    if not ahead:
        return b""
    end = ahead.find(b"\n")
    return opened.recv(len(ahead) if end < 0 else end + 1)


def _silent(channel: Channel, seconds: float) -> UnreachableError:
    words = channel.said()
    return UnreachableError(
        f"{channel.target.host} did not answer within {seconds:.0f} s",
        hint=words
        or "Its shell's start-up files may be slow or wait for input; `ssh` to it by hand.",
    )


def _collect(channel: Channel) -> None:
    """Keep the end of what ssh writes to its standard error."""
    stream = channel.process.stderr
    assert stream is not None
    with stream:
        while piece := stream.read1(4096):  # type: ignore[attr-defined]
            channel.errors += piece
            del channel.errors[:-ERROR_BYTES]
    # also when nobody closes the channel: the socket alone is what users of it have
    channel.process.wait()
