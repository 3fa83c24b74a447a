"""Text from the other side cannot speak to a terminal."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.protocol.plain_text import coloured, plain

KEPT = [
    "plain",
    "tab\tand\nline",
    "\r 50%|#####",
    "back\b\bspace",
    "\x1b[31mred\x1b[0m",
    "\x1b[38;5;208morange\x1b[m",
    "\x1b[38:2::1:2:3mtrue colour\x1b[0m",
    "é ü 漢字 🙂 │ █ ↑",
]
REMOVED = {
    "\x1b]0;title\x07x": "x",
    "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\": "click",
    "\x1b]52;c;Y3VybCBldmls\x07x": "x",
    "\x1b]52;c;never ends": "",
    "\x9d52;c;x\x9cy": "y",
    "\x1b[2Jx": "x",
    "\x1b[10A\x1b[Kx": "x",
    "\x1b[?1049hx": "x",
    "\x1b[5nx": "x",
    "\x9b2Jx": "2Jx",
    "\x1bPq#0\x1b\\x": "x",
    "\x1b_private\x1b\\x": "x",
    "\x1bcx": "x",
    "\x1b(0x": "x",
    "a\x00b\x07c\x0ed\x7fe\x85f": "abcdef",
    "\x1b": "",
    "\x1b[31": "31",
    "\x1b\x1b]0;t\x07x": "x",
    "\x1b[31\x1b]0;t\x07mx": "31mx",
}


@pytest.mark.parametrize("text", KEPT)
def test_colours_and_progress_bars_stay(text: str) -> None:
    assert coloured(text) == text


@pytest.mark.parametrize("text", REMOVED)
def test_what_a_terminal_would_obey_is_removed(text: str) -> None:
    assert coloured(text) == REMOVED[text]
    assert "\x1b" not in plain(text, 1000)


def test_what_is_left_is_never_a_new_sequence() -> None:
    tricks = ["\x1b\x1b[2J[2J", "\x1b[\x00" + "2J", "\x1b\x07]0;x\x07", "\x1b[3\x1b[2J1m"]
    for text in tricks:
        once = coloured(text)
        assert coloured(once) == once
        assert "\x1b" not in once


def test_names_and_prompts_have_no_control_at_all() -> None:
    assert plain("a\x1b[31mb\rc\bd\u202ee\nf\tg", 100) == "abcde\nf\tg"


def test_what_is_too_long_is_cut_and_says_so() -> None:
    assert plain("x" * 1000, 50) == "x" * 42 + " … (cut)"
