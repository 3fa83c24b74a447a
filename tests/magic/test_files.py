"""A notebook's files on machines behind real SSH: what travels, what stays, what is said."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.emulators.kaggle import zipped
from tests.datasets.emulators.serving import serving
from tests.datasets.emulators.storage import Storage
from tests.files.trees import read, write
from tests.notebook import Notebook
from tests.ssh_machines import ON_A_MACHINE, SSHMachines

pytestmark = ON_A_MACHINE
READY_SECONDS = 300.0
TQDM = "from tqdm import tqdm\ndef total(n):\n    return sum(tqdm(range(n), disable=True))\n"


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, ssh_cache: Path) -> Iterator[SSHMachines]:
    """One host; `box` is the name by which it is trusted, `lab` the one by which it is not."""
    found = SSHMachines(tmp_path_factory.mktemp("machines"), ssh_cache)
    found.start("box")
    yield found
    found.close()


@pytest.fixture(scope="module")
def root(machines: SSHMachines) -> Path:
    """The project: a repository, with the notebook in a folder below."""
    found = machines.folder / "notebooks"
    write(found, {".gitignore": "data/raw/\n", "data/raw/x.csv": "1", "nb/train.py": TQDM})
    write(found, {".env": "KEY=1", "data/ok.csv": "a,b\n"})
    (found / ".git").mkdir()
    with open(found / "big.bin", "wb") as big:
        big.truncate(300_000_000)
    return found


@pytest.fixture(scope="module")
def notebook(machines: SSHMachines, root: Path) -> Notebook:
    """A notebook that uses the machine that it trusts."""
    opened = machines.open("nb")
    shown = opened.run("%remote_gpu add box box-host --trusted", timeout=READY_SECONDS)
    assert shown.status == "ok", shown.error()
    opened.run("%remote_gpu use box")
    return opened


def test_before_a_machine_is_used_a_dry_run_says_what_would_travel(
    notebook: Notebook, root: Path
) -> None:
    lines = notebook.run("%remote_gpu sync --dry-run --machine embedded").text().splitlines()
    assert lines[0] == "a sync with a new machine would do this; nothing was done"
    assert "  nb/train.py" in {line.rpartition("  ")[0].rstrip() for line in lines}
    assert "stays here, large; it is sent when you say so: 1 file, 300 MB" in lines
    shown = notebook.run("%remote_gpu sync --machine embedded")
    assert "embedded works in the notebook's own folder" in shown.error()


def test_a_cell_uses_the_project_and_its_modules_packages(notebook: Notebook, root: Path) -> None:
    code = (
        "%%remote_gpu\nimport train\nfrom pathlib import Path\n"
        "print(train.total(5), Path('../data/ok.csv').read_text(), Path('../.env').exists())\n"
        "Path('../outputs').mkdir()\n_ = Path('../outputs/loss.csv').write_text('1,2')"
    )
    shown = notebook.run(code, timeout=READY_SECONDS)
    assert shown.text() == "10 a,b\n False\n", shown.error()
    assert read(root)["outputs/loss.csv"] == "1,2"
    assert "box ▸ came back: outputs/loss.csv (3 bytes)" in shown.line()
    assert "big.bin (300 MB) stays here because it is large" in shown.line()
    assert "code of yours" not in shown.line()


def test_what_a_cell_names_and_stays_is_said_once_with_the_way_out(notebook: Notebook) -> None:
    line = (
        "box ▸ data/raw/ stays here: named in an ignore file (.gitignore, line 1: data/raw/); a"
        " line `!data/raw/` in a file .remotegpuignore lets it travel"
    )
    shown = notebook.run("%%remote_gpu\nopen('../data/raw/x.csv')")
    assert shown.ename() == "FileNotFoundError"
    assert shown.line().splitlines().count(line) == 1
    # A path that only the run could know is explained by its failure.
    shown = notebook.run('%%remote_gpu\nopen(f\'../{"data/" + "raw"}/x.csv\')')
    assert shown.line().splitlines().count(line) == 1


def test_what_is_no_name_is_a_path_there(notebook: Notebook, root: Path) -> None:
    code = "%%remote_gpu\nloss = 3\n_ = Path('__pycache__/deep.txt').write_text('cache')"
    assert notebook.run(code).status == "ok"
    assert "fetched" in notebook.run("%remote_gpu pull loss").text()
    shown = notebook.run("%remote_gpu pull nb/__pycache__/deep.txt")
    assert shown.text() == "brought back nb/__pycache__/deep.txt (5 bytes)\n", shown.error()
    shown = notebook.run("%remote_gpu pull '../outputs/*.csv'")
    assert shown.text() == "nothing to bring: they are here as they are on box\n", shown.error()
    assert "no name nosuch, here or on box, and no such file" in (
        notebook.run("%remote_gpu pull nosuch").error()
    )
    assert "nothing called nb/no/such.csv" in notebook.run("%remote_gpu pull no/such.csv").error()
    assert "lies outside of the project" in notebook.run("%remote_gpu pull ../../x.csv").error()


def test_a_large_file_travels_when_it_is_named(notebook: Notebook, root: Path) -> None:
    assert "there is no file nosuch.bin" in (
        notebook.run("%remote_gpu sync --allow nosuch.bin").error()
    )
    shown = notebook.run("%remote_gpu sync --allow ../big.bin", timeout=READY_SECONDS)
    assert "sent big.bin (300 MB)" in shown.text(), shown.error()
    shown = notebook.run("%%remote_gpu\nprint(Path('../big.bin').stat().st_size)")
    assert shown.text() == "300000000\n"
    head = notebook.run("%remote_gpu sync --dry-run").text().splitlines()[0]
    assert head == "a sync with box would move nothing: both sides are the same"
    (root / "big.bin").unlink()


def test_placed_data_are_no_files_of_the_project(
    notebook: Notebook, machines: SSHMachines, root: Path
) -> None:
    with serving(storage := Storage()):
        storage.signs = False
        storage.put("/items.zip", zipped({"a.csv": b"id", "train.py": b"evil"}))
        shown = notebook.run(f"%remote_gpu data {storage.url}/items.zip", timeout=READY_SECONDS)
    assert "2 files) is " in shown.text(), shown.error()
    shown = notebook.run("%%remote_gpu\nprint(open('data/items/a.csv').read())")
    assert shown.text() == "id\n", shown.error()
    head = notebook.run("%remote_gpu sync --dry-run").text().splitlines()[0]
    assert head == "a sync with box would move nothing: both sides are the same"
    assert not (root / "nb" / "data" / "items").exists()
    assert not [path for path in read(root) if "items" in path]
    assert "items.zip" in notebook.run("%remote_gpu data").text()
    assert "freed" in notebook.run("%remote_gpu data --remove items").text()


LARGE_BYTES = 40_000_000
WRITES = "%%remote_gpu\nimport os\n_ = open('{}', 'wb').write(os.urandom(40_000_000))"
IN_A_CHILD = """
import os
pid = os.fork()
if not pid:
    try:
        open('m' + '5.' + 'bin')
    except Exception as error:
        os._exit(7 if "was still coming" in str(error) else 1)
    os._exit(2)
print(os.waitpid(pid, 0)[1])
"""


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("m1.bin", "import os\nprint(os.path.getsize('m1.bin'))"),
        ("m2.bin", "print(len(open('m%d' % 2 + '.b' + 'in', 'rb').read()))"),
        ("m3.bin", "!wc -c < m3.bin"),
        (
            "m4.bin",
            "import threading\nread = lambda: print(len(open('m4' + '.bin', 'rb').read()))\n"
            "work = threading.Thread(target=read)\nwork.start(); work.join()",
        ),
    ],
)
def test_a_local_cell_waits_for_a_file_that_is_on_its_way(
    notebook: Notebook, name: str, reads: str
) -> None:
    assert "still coming" in notebook.run(WRITES.format(name)).line()
    shown = notebook.run(reads)
    assert shown.text().split() == [str(LARGE_BYTES)], shown.error()
    shown = notebook.run("from jupyter_remote_gpu.magic import file_opens as o; o._listeners")
    assert "()" in str(shown.messages), "nobody listens while nothing comes"


def test_waiting_for_a_file_can_be_stopped(
    notebook: Notebook, machines: SSHMachines, root: Path
) -> None:
    pressed: list[str] = []

    def press_stop(message: dict[str, Any]) -> None:
        text = str(message["content"].get("data", ""))
        if "waiting for" in text and len(pressed) == 0:
            pressed.append(text)
            notebook.manager.interrupt_kernel()

    # Another notebook of the project, as it were, is just syncing.
    (lock,) = (machines.folder / "state" / "projects").glob("*/machines/box/lock")
    assert "still coming" in notebook.run(WRITES.format("m5.bin")).line()
    with open(lock, "ab") as syncing:
        fcntl.flock(syncing, fcntl.LOCK_EX)
        shown = notebook.run("seen = len(open('m5.bin', 'rb').read())", on_message=press_stop)
        assert "this cell was not run: nb/m5.bin is still coming from box, " in shown.error()
        assert "of 40.0 MB (" in shown.error()
        pressed.clear()
        by_name = "name = 'm' + '5.' + 'bin'\ntry:\n    open(name)\nexcept Exception:\n    pass"
        shown = notebook.run(by_name, on_message=press_stop)
        assert "KeyboardInterrupt: nb/m5.bin is still coming from box, " in shown.error()
        assert notebook.run(IN_A_CHILD).text() == f"{7 << 8}\n"
    shown = notebook.run("print('seen' in globals(), len(open(name, 'rb').read()))")
    assert shown.text() == f"False {LARGE_BYTES}\n", shown.error()
    for number in range(1, 6):
        (root / "nb" / f"m{number}.bin").unlink()


def test_what_is_not_trusted_waits_until_it_is_accepted(
    notebook: Notebook, machines: SSHMachines, root: Path
) -> None:
    assert notebook.run("%remote_gpu kept").text() == "nothing of box waits for your word\n"
    notebook.run("%remote_gpu stop")
    notebook.run("%remote_gpu untrust box")
    other = machines.open("nb")
    code = (
        "%%remote_gpu\nfrom pathlib import Path\nopen('train.py', 'a').write('# theirs\\n')\n"
        "Path('run.sh').write_text('echo'); _ = Path('data.csv').write_text('3')"
    )
    shown = other.run(code, timeout=READY_SECONDS)
    assert "box ▸ came back: nb/data.csv (1 bytes)" in shown.line(), shown.error()
    assert "nb/run.sh, nb/train.py of box wait for your word" in shown.line()
    assert read(root)["nb/train.py"] == TQDM
    listed = other.run("%remote_gpu kept").text()
    assert "nb/train.py" in listed
    assert "it changes what came from here" in listed
    shown = other.run("text = open('train.py').read()")
    assert shown.line() == (
        "box ▸ nb/train.py of box waits for your word, and this cell has the one of here:"
        " `%remote_gpu kept accept nb/train.py` puts it in its place"
    )
    assert other.run("import os; os.stat('train.py')").line() == ""
    name = "open('run' + '.sh')"
    assert "waits for your word, and it is not here" in other.run(name).line()
    assert "+# theirs" in other.run("%remote_gpu kept --diff train.py").text()
    assert "There are: nb/run.sh, nb/train.py." in other.run("%remote_gpu kept accept x").error()
    shown = other.run("%remote_gpu kept accept train.py\n%remote_gpu kept reject --all")
    assert shown.text() == (
        "accepted, and put in place: nb/train.py\nrejected, and thrown away: nb/run.sh\n"
    )
    assert read(root)["nb/train.py"] == TQDM + "# theirs\n"
    assert "nb/run.sh" not in read(root)
    other.close()
