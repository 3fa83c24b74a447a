"""What ssh says, and the commands that a user is told to try: they must work as they stand."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.errors import HostKeyError, KeyRefusedError, UnreachableError
from jupyter_remote_gpu.transport.ssh.refusals import refusal

CHANGED = """@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@
Offending ED25519 key in {file}:3
Host key for [10.0.0.7]:2222 has changed and you have requested strict checking.
Host key verification failed."""
UNKNOWN = (
    "No ED25519 host key is known for [10.0.0.7]:2222 and you have requested strict checking.\n"
    "Host key verification failed."
)
SSH = ("ssh", "-p", "2222")


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("/home/me/.ssh/known_hosts", "`ssh-keygen -R '[10.0.0.7]:2222'`"),
        ("/data/pinned keys", "`ssh-keygen -R '[10.0.0.7]:2222' -f '/data/pinned keys'`"),
    ],
)
def test_a_changed_key_is_forgotten_where_it_was_found(file: str, command: str) -> None:
    error = refusal("me@10.0.0.7", 255, CHANGED.format(file=file), SSH)
    assert isinstance(error, HostKeyError)
    assert "has changed" in error.message
    assert command in (error.hint or "")
    assert "`ssh -p 2222 me@10.0.0.7`" in (error.hint or "")


def test_an_unknown_key_is_looked_at_by_the_same_way() -> None:
    error = refusal("me@10.0.0.7", 255, UNKNOWN, (*SSH, "-o", "ProxyJump=gate"))
    assert isinstance(error, HostKeyError)
    assert "`ssh -p 2222 -o ProxyJump=gate me@10.0.0.7`" in (error.hint or "")


def test_a_key_is_copied_by_the_same_way() -> None:
    error = refusal("me@10.0.0.7", 255, "me@10.0.0.7: Permission denied (publickey).", SSH)
    assert isinstance(error, KeyRefusedError)
    assert "`ssh-copy-id -p 2222 me@10.0.0.7`" in (error.hint or "")


def test_what_has_no_meaning_of_its_own_is_quoted() -> None:
    error = refusal("box", 255, "something new\n")
    assert isinstance(error, UnreachableError)
    assert "something new" in error.message
    assert error.hint == "Try `ssh box` by hand."


def test_what_ssh_said_is_quoted_once() -> None:
    error = refusal("x", 255, "ssh: Could not resolve hostname x: Name not known\n", SSH)
    assert (
        error.message
        == "there is no host called x (ssh: Could not resolve hostname x: Name not known)"
    )
