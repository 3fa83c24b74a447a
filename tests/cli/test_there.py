"""Scripts on a machine behind a real SSH server: its files, its packages, its life without us."""

from __future__ import annotations

import random
from pathlib import Path

from tests.cli.terminal import Terminal
from tests.datasets.emulators.kaggle import zipped
from tests.datasets.emulators.serving import serving
from tests.datasets.emulators.storage import Storage
from tests.ssh_machines import ON_A_MACHINE, SSHMachines

pytestmark = ON_A_MACHINE


def test_ctrl_c_while_it_is_made_ready_leaves_nothing(there: Terminal) -> None:
    there.script("never.py", "print('ran')")
    sitting = there.sit("run", "never.py", "--machine", "box")
    sitting.until("box ▸ ")
    sitting.type("\x03")
    sitting.until("stopped; nothing was left half done")
    assert sitting.end() == 130
    assert "stopped" not in sitting.seen
    assert there.json("runs", "--machine", "box")["runs"] == []


def test_a_script_and_its_modules_are_there(there: Terminal, machines: SSHMachines) -> None:
    there.script("train.py", "import os, sys, model\nprint(os.getcwd(), model.depth, sys.argv[1:])")
    there.script("model.py", "depth = 3")
    ran = there.run("run", "train.py", "--machine", "box", "--", "--epochs", "2")
    assert ran.returncode == 0, ran.stderr
    where, rest = ran.stdout.split(" ", 1)
    assert Path(where).is_relative_to(machines.base("box") / "workspaces")
    assert rest == "3 ['--epochs', '2']\n"
    there.script("model.py", "depth = 4")
    again = there.run("run", "train.py", "--machine", "box")
    assert again.stdout.split(" ", 1)[1] == "4 []\n"


def test_it_has_the_packages_that_it_imports(there: Terminal) -> None:
    there.script(
        "needs.py", "import xxhash, sys\nprint(xxhash.__name__, '/environments/' in sys.prefix)"
    )
    ran = there.run("run", "needs.py", "--machine", "box")
    assert ran.stdout == "xxhash True\n", ran.stderr


NAMES_DATA = """
import jupyter_remote_gpu
from jupyter_remote_gpu import dataset

print((dataset("{address}") / "items.csv").read_text(), jupyter_remote_gpu.__file__)
"""


def test_it_has_the_data_that_it_names(there: Terminal, machines: SSHMachines) -> None:
    storage = Storage()
    storage.signs = False
    storage.put("/items.zip", zipped({"items.csv": b"1"}))
    with serving(storage):
        there.script("names.py", NAMES_DATA.format(address=f"{storage.url}/items.zip"))
        ran = there.run("run", "names.py", "--machine", "box")
    assert ran.returncode == 0, ran.stderr
    row, package = ran.stdout.split()
    assert row == "1"
    # its environment has no such package: this is the agent's
    assert Path(package).is_relative_to(machines.base("box") / "agents")


WRITES = """
import pathlib
folder = pathlib.Path("outputs")
folder.mkdir(exist_ok=True)
(folder / "loss.csv").write_text(pathlib.Path("data/x.csv").read_text() * 2)
(folder / "model.bin").write_bytes(bytes(range(256)) * 40_000)
pathlib.Path("model.py").write_text("depth = 99")
print("done", flush=True)
"""


def test_what_it_writes_is_here_afterwards(there: Terminal) -> None:
    there.script("data/x.csv", "1,2\n")
    there.script("writes.py", WRITES)
    ran = there.run("run", "writes.py", "--machine", "box")
    assert ran.returncode == 0, ran.stderr
    assert (there.folder / "outputs/loss.csv").read_text() == "1,2\n1,2\n"
    assert (there.folder / "outputs/model.bin").stat().st_size == 256 * 40_000
    assert "box ▸ came back: outputs/loss.csv, outputs/model.bin (10.2 MB)" in ran.stderr
    # box is not trusted: what it made of our program waits
    assert (there.folder / "model.py").read_text() == "depth = 4"
    assert "model.py of box waits for your word: `remote-gpu kept --diff` shows why" in ran.stderr


def test_what_waits_is_shown_and_accepted(there: Terminal) -> None:
    (one,) = there.json("kept")["waiting"]
    assert (one["machine"], one["path"], one["changes_ours"]) == ("box", "model.py", True)
    assert "+depth = 99" in there.run("kept", "--diff").stdout
    assert there.run("kept", "accept", "nothing.py").returncode == 122
    accepted = there.json("kept", "accept", "model.py")["accepted"]
    assert accepted == [{"machine": "box", "path": "model.py"}]
    assert (there.folder / "model.py").read_text() == "depth = 99"
    assert there.json("kept")["waiting"] == []


def test_a_sync_says_what_it_would_do_and_does_it(there: Terminal) -> None:
    there.script("new.txt", "new")
    there.script(".env", "TOKEN=1")
    planned = {one["path"]: one for one in there.json("sync", "--dry-run")["paths"]}
    assert (planned["new.txt"]["way"], planned[".env"]["way"]) == ("out", "stays")
    assert "new.txt" in [one["path"] for one in there.json("sync")["sent"]]
    again = there.run("sync")
    assert again.stdout.startswith("nothing to do: the files are the same here and on box\n")


def test_a_file_that_stays_there_is_pulled(there: Terminal, machines: SSHMachines) -> None:
    (workspace,) = (machines.base("box") / "workspaces").glob("*/project")
    (workspace / "node_modules").mkdir()
    (workspace / "node_modules/cached.bin").write_bytes(b"c" * 1000)
    pulled = there.json("pull", "node_modules")
    assert "node_modules/cached.bin" in [one["path"] for one in pulled["back"]]
    assert (there.folder / "node_modules/cached.bin").read_bytes() == b"c" * 1000
    assert there.run("pull", "nosuch").returncode == 122


def test_more_than_is_usual_waits_for_a_yes(there: Terminal, tmp_path: Path) -> None:
    (tmp_path / "profile_default").mkdir()
    settings = tmp_path / "profile_default" / "ipython_config.py"
    settings.write_text("get_config().RemoteGPU.guard_gb = 0.001\n")
    asking = Terminal(there.folder, {**there.environ, "IPYTHONDIR": str(tmp_path)})
    (there.folder / "much.bin").write_bytes(random.Random(1).randbytes(2_000_000))
    for command in (["sync"], ["run", "needs.py", "--machine", "box"]):
        refused = asking.run(*command)
        assert refused.returncode == 125
        assert "holds 2.0 MB in " in refused.stderr
        assert "that box does not have: nothing was sent" in refused.stderr
        assert "`remote-gpu sync --yes` sends all of it." in refused.stderr
    sitting = asking.sit("sync")
    sitting.until("Send all of it? [y/N]")
    sitting.type("n\n")
    assert sitting.end() == 1
    assert "much.bin" in [one["path"] for one in asking.json("sync", "--yes")["sent"]]
    (there.folder / "much.bin").unlink()


def test_input_output_and_exit_code_cross_the_line(there: Terminal) -> None:
    there.script(
        "sub/io.py",
        "import sys\nprint(sys.stdin.read().upper())\nsys.stderr.write('e')\nsys.exit(6)",
    )
    ran = there.run("run", "sub/io.py", "--machine", "box", typed="abc")
    assert (ran.stdout, ran.returncode) == ("ABC\n", 6)
    assert ran.stderr.endswith("e")


def test_what_an_untrusted_machine_prints_cannot_speak_to_the_terminal(there: Terminal) -> None:
    there.script("evil.py", "print('a\\x1b]52;c;ZXZpbA==\\x07b\\x1b[31mred\\x1b[0m')")
    ran = there.run("run", "evil.py", "--machine", "box")
    assert ran.stdout == "ab\x1b[31mred\x1b[0m\n"


def test_a_run_goes_on_and_is_taken_up_again(there: Terminal) -> None:
    there.script(
        "slow.py",
        "import time\nprint('begun', flush=True)\ntime.sleep(3)\n"
        "open('late.txt', 'w').write('here')\nprint('whole')",
    )
    sitting = there.sit("run", "slow.py", "--machine", "box")
    sitting.until("begun")
    sitting.kill()
    taken = there.run("attach", "--machine", "box")
    assert (taken.stdout, taken.returncode) == ("begun\nwhole\n", 0)
    assert (there.folder / "late.txt").read_text() == "here"
    found = there.json("runs", "--machine", "box")["runs"][-1]
    assert (found["what"], found["status"]) == ("slow.py", "ok")


def test_ctrl_c_reaches_it_there(there: Terminal) -> None:
    there.script("long.py", "import time\nprint('begun', flush=True)\ntime.sleep(600)")
    sitting = there.sit("run", "long.py", "--machine", "box")
    sitting.until("begun")
    sitting.type("\x03")
    sitting.until("Enter to go on")
    sitting.type("s\n")
    sitting.until("KeyboardInterrupt")
    assert sitting.end() == 130


def test_what_lies_there_is_shown_and_freed(there: Terminal) -> None:
    items = there.json("clean", "box")["items"]
    assert {"environment", "agent", "files"} <= {one["kind"] for one in items}
    freed = there.json("clean", "box", "--yes")
    assert freed["freed"] > 0


def test_the_doctor_looks_at_machines(there: Terminal) -> None:
    found = {one["what"]: one for one in there.json("doctor")["findings"]}
    assert found["box"]["text"].startswith("reached in ")
    assert found["box: clock"]["state"] == "good"
    assert found["box: agent"]["text"].startswith("of this version")
    assert found["box: GPU"]["state"] == "warning"


def test_forgetting_tells_what_remains(there: Terminal) -> None:
    sitting = there.sit("forget", "box")
    sitting.until("remain")
    sitting.until("Forget box?")
    sitting.type("n\n")
    assert sitting.end() == 1
    assert "box" in there.run("machines").stdout
