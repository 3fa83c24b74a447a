"""Scripts on this computer: output, input, exit codes, what is said of mistakes."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_remote_gpu.agent.ending import end_agent
from tests.cli.terminal import PROGRAM, Terminal

ECHO = """
import sys, os
print("out", sys.argv[1:], __name__)
print("err", file=sys.stderr)
for line in sys.stdin:
    print("read", line.strip())
sys.exit(3)
"""


def test_a_script_runs_as_it_would_here(here: Terminal) -> None:
    here.script("echo.py", ECHO)
    ran = here.run("run", "echo.py", "--", "a b", "--flag", typed="one\ntwo\n")
    assert ran.stdout == "out ['a b', '--flag'] __main__\nread one\nread two\n"
    assert "err\n" in ran.stderr
    assert ran.returncode == 3


def test_output_comes_byte_for_byte(here: Terminal) -> None:
    here.script("bar.py", "print('\\ra\\rb', end=''); print('\\u00fc\\u2603\\tend')")
    assert here.run("run", "bar.py").stdout == "\ra\rbü☃\tend\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("pass", 0, id="the end"),
        pytest.param("1 / 0", 1, id="an exception"),
        pytest.param("import os; os._exit(9)", 9, id="the hard way"),
        pytest.param("import os; os.kill(os.getpid(), 15)", 143, id="a signal"),
    ],
)
def test_the_exit_code_is_the_scripts(here: Terminal, text: str, code: int) -> None:
    here.script("ends.py", text)
    ran = here.run("run", "ends.py", "--no-stdin")
    assert ran.returncode == code
    assert ("ZeroDivisionError" in ran.stderr) == (text == "1 / 0")


def test_it_runs_in_the_folder_one_is_in(here: Terminal) -> None:
    here.script("sub/where.py", "import os, near; print(os.getcwd(), near.x)")
    here.script("sub/near.py", "x = 5")
    assert here.run("run", "sub/where.py").stdout == f"{here.folder} 5\n"


def test_one_that_takes_too_long_is_stopped(here: Terminal) -> None:
    here.script("long.py", "import time\ntime.sleep(600)")
    assert here.run("run", "long.py", "--timeout", "1").returncode == 124
    assert here.json("runs")["runs"][-1]["error"] == "exit code 130"


def test_a_run_is_found_again_until_it_is_stopped(here: Terminal) -> None:
    here.script("waits.py", "import time\nprint('begun')\ntime.sleep(600)")
    ident = here.run("run", "waits.py", "--detach").stdout.strip()
    other = here.run("run", "waits.py", "--detach").stdout.strip()
    assert other != ident
    found = {run["run"]: run for run in here.json("runs")["runs"]}
    assert here.json("stop", other)["stopped"] is True
    assert found[ident]["status"] == "running"
    assert found[ident]["script"] == str(here.folder / "waits.py")
    assert found[ident]["machine"] == "embedded"
    assert here.json("stop", ident) == {"run": ident, "stopped": True, "killed": False}
    again = here.run("attach", ident)
    assert again.stdout == "begun\n"
    assert again.returncode == 130
    assert "KeyboardInterrupt" in again.stderr
    assert ident in here.run("runs").stdout


def test_what_a_run_said_outlives_the_agent(here: Terminal) -> None:
    here.script("says.py", "print('said')")
    ident = here.json("run", "says.py", "--detach")["run"]
    assert here.run("attach", ident).stdout == "said\n"
    end_agent(Path(here.environ["JUPYTER_REMOTE_GPU_HOME"]))
    assert here.run("attach", ident).stdout == "said\n"
    (found,) = [run for run in here.json("runs")["runs"] if run["run"] == ident]
    assert found["status"] == "ok"


def test_nobody_reading_ends_nothing(here: Terminal) -> None:
    here.script(
        "talks.py",
        "import time\nprint('first', flush=True)\ntime.sleep(1)\n"
        "for _ in range(20000): print('more' * 10)\nprint('last')",
    )
    command = f"{shlex.join(PROGRAM)} run talks.py -n | head -n 1; exit ${{PIPESTATUS[0]}}"
    ran = here.shell(command)
    assert (ran.stdout, ran.returncode) == ("first\n", 141)
    assert "Traceback" not in ran.stderr
    assert "it goes on there: remote-gpu attach" in ran.stderr
    assert here.run("attach").stdout.endswith("more\nlast\n")


def test_children_of_a_script_are_as_anywhere(here: Terminal) -> None:
    here.script(
        "pool.py",
        "import multiprocessing as m\n"
        "def f(n): print('child', flush=True); return n * n\n"
        "if __name__ == '__main__':\n"
        "    with m.get_context('spawn').Pool(1) as pool: print(pool.map(f, [3]))\n",
    )
    ran = here.run("run", "pool.py", "-n")
    assert ran.stdout == "child\n[9]\n", ran.stderr


def test_one_that_will_not_end_is_killed(here: Terminal) -> None:
    here.script(
        "deaf.py",
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(600)",
    )
    ident = here.json("run", "deaf.py", "--detach")["run"]
    assert here.json("stop", ident) == {"run": ident, "stopped": True, "killed": True}


def test_json_tells_a_program_everything(here: Terminal) -> None:
    here.script("two.py", "import sys\nprint('a')\nprint('b', file=sys.stderr)\nsys.exit(4)")
    ran = here.run("run", "two.py", "--json")
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    outputs = [(one["stream"], one["text"]) for one in told if one["event"] == "output"]
    assert sorted(outputs) == [("stderr", "b\n"), ("stdout", "a\n")]
    assert (told[-1]["event"], told[-1]["code"]) == ("ended", 4)
    assert ran.returncode == 4


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        pytest.param(["run", "no.py"], 122, "there is no file no.py", id="no such script"),
        pytest.param(["run", "x.py", "--machine", "b"], 122, "no machine called 'b'", id="machine"),
        pytest.param(["run", "x.py", "--4x3090"], 121, "4 × RTX 3090", id="rented"),
        pytest.param(["run", "x.py", "--epochs", "3"], 122, "own flags follow a --", id="its flag"),
        pytest.param(["run", "x.py", "3"], 122, "remote-gpu run x.py -- 3", id="its argument"),
        pytest.param(["attach", "abc"], 122, "there is no run 'abc'", id="no such run"),
        pytest.param(["trust", "box"], 122, "no added machine called 'box'", id="trust"),
        pytest.param(["machines", "--nope"], 2, "No such option", id="usage"),
        pytest.param(["add", "gone", "127.0.0.1", "-p", "1"], 123, "not added", id="nobody"),
        pytest.param(["add", "gone"], 122, "needs a name and a host", id="no host"),
        pytest.param(["add", "a", "b", "--a100"], 122, "says nothing to", id="a GPU of one's own"),
    ],
)
def test_mistakes_are_told(here: Terminal, words: list[str], code: int, told: str) -> None:
    here.script("x.py", "print('ran')")
    ran = here.run(*words)
    assert told in ran.stderr
    assert "%remote_gpu" not in ran.stderr
    assert ran.returncode == code
    assert ran.stdout == ""


def test_ctrl_c_while_it_loads_says_nothing() -> None:
    pressed = (
        "import os, signal, sys\n"
        # whoever runs the tests in the background has it ignored
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def press(event, args):\n"
        "    if event == 'import' and args[0] == 'click': os.kill(os.getpid(), 2)\n"
        "sys.addaudithook(press)\n"
        "from jupyter_remote_gpu.cli.main import main\n"
        "main()"
    )
    ran = subprocess.run([sys.executable, "-c", pressed], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (-signal.SIGINT, "", "")


def test_errors_are_json_too(here: Terminal) -> None:
    ran = here.run("trust", "box", "--json")
    assert json.loads(ran.stdout)["error"]["kind"] == "UnknownMachineError"
    assert ran.returncode == 122


def test_a_machine_is_added_for_later_and_forgotten(here: Terminal) -> None:
    added = here.json("add", "later", "127.0.0.1:1", "--offline", "-o", "ConnectTimeout=2")
    assert (added["name"], added["reached"]) == ("later", False)
    names = [one["name"] for one in here.json("machines")["machines"]]
    assert names == ["embedded", "later"]
    assert here.json("trust", "later") == {"name": "later", "trusted": True, "changed": True}
    assert here.json("untrust", "later") == {"name": "later", "trusted": False, "changed": True}
    assert here.run("forget", "later").returncode == 122  # nobody can be asked
    assert here.json("forget", "later", "--yes")["forgotten"] is True


def test_the_doctor_looks_at_this_computer(here: Terminal, tmp_path: Path) -> None:
    found = {one["what"]: one for one in here.json("doctor")["findings"]}
    assert {"package", "ssh", "keys", "uv", "settings", "cache", "machines"} <= set(found)
    assert found["uv"]["state"] == "good"
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "machines.json").write_text('{"version": 1, "machines": {}}')
    (settings / "machines.json").chmod(0o644)
    environ = {**here.environ, "JUPYTER_REMOTE_GPU_SETTINGS": str(settings)}
    broken = Terminal(here.folder, environ).run("doctor")
    assert "can be read by others" in broken.stdout
    assert "chmod 600" in broken.stdout
    assert broken.returncode == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete(here: Terminal, shell: str) -> None:
    source = here.run("completion", shell).stdout
    assert "_REMOTE_GPU_COMPLETE" in source
    asked = {
        "_REMOTE_GPU_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": "remote-gpu run x.py --machine emb",
        "COMP_CWORD": "4" if shell != "fish" else "emb",
    }
    found = Terminal(here.folder, {**here.environ, **asked}).run()
    assert "embedded" in found.stdout
