"""Somebody sits at the terminal: progress, prompts, Ctrl-C and what he answers."""

from __future__ import annotations

from tests.cli.terminal import Terminal

LONG = """
import sys, time
print("begun", flush=True)
try:
    time.sleep(600)
except KeyboardInterrupt:
    print("saved")
    sys.exit(5)
"""


def test_ctrl_c_may_leave_it_running(here: Terminal) -> None:
    here.script("long.py", LONG)
    sitting = here.sit("run", "long.py")
    sitting.until("begun")
    sitting.type("\x03")
    sitting.until("Enter to go on")
    sitting.type("l\n")
    sitting.until("remote-gpu attach ")
    ident = sitting.seen.split()[0] if sitting.seen.split() else ""
    assert sitting.end() == 0
    going = [run["run"] for run in here.json("runs")["runs"] if run["status"] == "running"]
    assert len(going) == 1
    assert going[0].startswith(ident)
    again = here.sit("attach", going[0])
    again.until("begun")
    again.type("\x03")
    again.until("Enter to go on")
    again.type("s\n")
    again.until("saved")
    assert again.end() == 5


def test_ctrl_c_may_be_a_mistake(here: Terminal) -> None:
    here.script("asks.py", "print('begun', flush=True)\nprint('got', input('name? '))")
    sitting = here.sit("run", "asks.py")
    sitting.until("name? ")
    sitting.type("\x03")
    sitting.until("Enter to go on")
    sitting.type("\n")
    sitting.type("ada\n")
    sitting.until("got ada")
    assert sitting.end() == 0


def test_ctrl_c_twice_stops_it(here: Terminal) -> None:
    here.script("long.py", LONG)
    sitting = here.sit("run", "long.py")
    sitting.until("begun")
    sitting.type("\x03")
    sitting.until("Enter to go on")
    sitting.type("\x03")
    sitting.until("saved")
    assert sitting.end() == 5


def test_a_closed_window_ends_nothing(here: Terminal) -> None:
    here.script(
        "short.py", "import time\nprint('begun', flush=True)\ntime.sleep(2)\nprint('whole')"
    )
    sitting = here.sit("run", "short.py")
    sitting.until("begun")
    sitting.kill()
    assert here.run("attach").stdout == "begun\nwhole\n"


def test_a_progress_bar_stays_one_line(here: Terminal) -> None:
    here.script(
        "bar.py",
        "import sys, tqdm\nfor _ in tqdm.tqdm(range(3), ncols=60): pass\nprint('done')",
    )
    sitting = here.sit("run", "bar.py")
    assert sitting.end() == 0
    assert "done" in sitting.seen
    bar = sitting.seen[sitting.seen.index("0/3") : sitting.seen.index("3/3")]
    assert "\r" in bar
    assert "\n" not in bar
