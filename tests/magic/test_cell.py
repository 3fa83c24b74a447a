"""A remote cell is, to the eye, a cell: what it shows, in a real kernel."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.notebook import Notebook


def wait_for(happened: Callable[[], bool]) -> None:
    """Look until something has happened; fail after a long time."""
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


STREAMS = """
import os, sys
print("one")
print("two", file=sys.stderr)
os.system("echo three")
print("four")
os.write(1, b"five\\n")
"""


def test_streams_keep_their_order(notebook: Notebook) -> None:
    shown = notebook.remote(STREAMS)
    assert shown.text() == "one\nthree\nfour\nfive\n"
    assert shown.text("stderr") == "two\n"


def test_output_is_live(notebook: Notebook) -> None:
    seen: list[str] = []

    def note(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream" and not seen:
            # Only a cell that is still running can be waiting for its input.
            seen.append(message["content"]["text"])

    code = "print('early'); v = input('go? '); print(v)"
    shown = notebook.remote(code, answer="x", on_message=note)
    assert seen == ["early\n"]
    assert shown.text() == "early\nx\n"


def test_progress_with_carriage_returns_comes_through(notebook: Notebook) -> None:
    shown = notebook.remote(
        "import time\nfor i in range(3):\n    print(f'\\r{i}', end=''); time.sleep(0.05)"
    )
    assert shown.text() == "\r0\r1\r2"


def test_text_tqdm_ends_complete(notebook: Notebook) -> None:
    shown = notebook.remote("from tqdm import tqdm\nfor i in tqdm(range(20)): pass")
    assert "100%" in shown.text("stderr")
    assert "20/20" in shown.text("stderr")


def test_displays_of_every_type(notebook: Notebook) -> None:
    data = {
        "text/plain": "p",
        "text/html": "<b>h</b>",
        "application/json": {"a": [1]},
        "image/svg+xml": "<svg/>",
        "text/latex": "$x$",
        "application/vnd.own+json": {"b": 2},
    }
    shown = notebook.remote(
        f"from IPython.display import display\ndisplay({data!r}, raw=True, metadata={{'m': 1}})"
    )
    if not notebook.trusted:
        # A drawing would become a picture where there is no HTML; the other type is nobody's.
        for kind in ("image/svg+xml", "application/vnd.own+json"):
            data.pop(kind)
    assert shown.displays() == [data]


def test_display_handles_update_and_outputs_are_cleared(notebook: Notebook) -> None:
    shown = notebook.remote(
        """
        from IPython.display import display, clear_output
        handle = display("first", display_id=True)
        handle.update("second")
        clear_output(wait=True)
        """.replace("\n        ", "\n")
    )
    assert shown.kinds() == ["display_data", "update_display_data", "clear_output"]
    ids = [
        m["content"]["transient"]["display_id"]
        for m in shown.messages
        if m["msg_type"].endswith("display_data") and m["content"]["transient"]
    ]
    assert ids[0] == ids[1]


def test_a_handle_can_be_updated_by_a_later_cell(notebook: Notebook) -> None:
    imported = "from IPython.display import display\n"
    first = notebook.remote(f"{imported}h = display(1, display_id='mine')")
    later = notebook.remote("h.update(2)")
    assert first.displays() == [{"text/plain": "1"}]
    assert later.kinds() == ["update_display_data"]


def test_matplotlib_draws_inline(notebook: Notebook) -> None:
    shown = notebook.remote(
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);"
    )
    (data,) = shown.displays()
    assert data["image/png"].startswith("iVBOR")


def test_a_result_has_its_number_and_is_remembered(notebook: Notebook) -> None:
    shown = notebook.remote("6 * 7")
    (result,) = [m["content"] for m in shown.messages if m["msg_type"] == "execute_result"]
    assert result["data"] == {"text/plain": "42"}
    number = result["execution_count"]
    assert notebook.run("_ + 1").displays() == [{"text/plain": "43"}]
    assert notebook.run(f"Out[{number}], _{number}").displays() == [{"text/plain": "(42, 42)"}]


def test_a_result_of_here_is_the_underscore_there(notebook: Notebook) -> None:
    notebook.run("20 + 1")
    assert notebook.remote("print(_ * 2)").text() == "42\n"


def test_a_quiet_result_is_not_shown(notebook: Notebook) -> None:
    assert notebook.remote("6 * 7;").displays() == []


def test_input_and_getpass(notebook: Notebook) -> None:
    shown = notebook.remote("print('got', input('say: '))", answer="word")
    assert shown.text() == "got word\n"
    shown = notebook.remote("import getpass\nprint(len(getpass.getpass()))", answer="secret")
    assert shown.text() == "6\n"


def test_an_error_is_at_the_cells_line_and_shows_nothing_of_ours(notebook: Notebook) -> None:
    shown = notebook.remote("def f(x):\n    return 1 / x\n\nf(0)")
    assert (shown.status, shown.ename()) == ("error", "ZeroDivisionError")
    error = shown.error()
    assert "----> 4 f(0)" in error
    assert "----> 2     return 1 / x" in error
    assert "remote_gpu" not in error.replace("%%remote_gpu", "")


def test_an_error_of_an_own_class_can_be_seen(notebook: Notebook) -> None:
    shown = notebook.remote("class Mine(ValueError):\n    pass\n\nraise Mine('what')")
    assert shown.ename() == "Mine"
    assert "Mine: what" in shown.error()


def test_a_syntax_error_is_shown_like_any(notebook: Notebook) -> None:
    shown = notebook.remote("x = 1\ndef f(:\n    pass")
    assert shown.ename() == "SyntaxError"
    assert "def f(:" in shown.error()
    assert "site-packages" not in shown.error()


def test_system_exit_says_so_and_ends_nothing(notebook: Notebook) -> None:
    notebook.remote("kept = 5")
    shown = notebook.remote("import sys\nsys.exit(3)")
    assert shown.ename() == "SystemExit"
    assert notebook.remote("print(kept)").text() == "5\n"


def test_stop_interrupts_the_remote_cell_and_both_sides_stay_whole(notebook: Notebook) -> None:
    code = "import time\nstate = 'begun'\nprint('ready')\nwhile True: time.sleep(0.01)"
    shown = notebook.remote(code, on_message=notebook.interrupt_at("ready"))
    assert shown.ename() == "KeyboardInterrupt"
    assert "time.sleep" in shown.error()
    assert notebook.remote("print(state)").text() == "begun\n"
    assert notebook.run("state").displays() == [{"text/plain": "'begun'"}]


def test_stop_reaches_an_input(notebook: Notebook) -> None:
    client = notebook.client
    cell = "%%remote_gpu\nv = input('never answered')"
    client.execute(cell, allow_stdin=True, stop_on_error=False)
    client.get_stdin_msg(timeout=30)
    notebook.manager.interrupt_kernel()
    kinds = []
    while "error" not in kinds:
        message = client.get_iopub_msg(timeout=30)
        kinds.append(message["msg_type"])
    assert message["content"]["ename"] == "KeyboardInterrupt"
    assert client.get_shell_msg(timeout=30)["content"]["status"] == "error"
    assert notebook.remote("print('fine')").text() == "fine\n"


@pytest.mark.parametrize(
    "code",
    ["%%time\n%%remote_gpu\nprint('inner')", "%%remote_gpu\n%%time\nprint('inner')"],
    ids=["above", "below"],
)
def test_time_above_and_below(notebook: Notebook, code: str) -> None:
    text = notebook.run(code).text()
    assert text.startswith("inner\n")
    assert "Wall time" in text


def test_capture_above_takes_what_the_remote_cell_shows(notebook: Notebook) -> None:
    shown = notebook.run("%%capture got\n%%remote_gpu\nprint('inside')\n6 * 7")
    assert shown.kinds() == []
    assert notebook.run("print(got.stdout, [o.data for o in got.outputs])").text() == (
        "inside\n [{'text/plain': '42'}]\n"
    )


def test_an_error_that_a_magic_shows_is_shown_once(notebook: Notebook) -> None:
    code = "%time 1/0\nprint('after')"
    here, there = notebook.run(code), notebook.remote(code)
    assert (there.status, there.ename()) == (here.status, here.ename())
    assert there.kinds().count("error") == here.kinds().count("error") == 1
    assert ("after" in there.text()) == ("after" in here.text())


def test_top_level_await(notebook: Notebook) -> None:
    assert notebook.remote("import asyncio\nawait asyncio.sleep(0.01)\nprint('done')").text() == (
        "done\n"
    )


def test_shell_commands_and_their_results(notebook: Notebook) -> None:
    assert notebook.remote("!echo from the shell").text().strip() == "from the shell"
    # IPython 7 cannot read this on Python 3.12; there it is as wrong as here.
    code = "lines = !echo a; echo b\nprint(lines)"
    here, there = notebook.run(code), notebook.remote(code)
    assert (there.text(), there.ename()) == (here.text(), here.ename())


def test_pip_speaks_of_the_machines_environment(notebook: Notebook) -> None:
    assert "jupyter" in notebook.remote("%pip show jupyter_client").text().lower()


def test_run_executes_a_file_there(notebook: Notebook) -> None:
    (notebook.machine_folder / "script.py").write_text("answer = 6 * 7\nprint(answer)")
    assert notebook.remote("%run script.py").text() == "42\n"
    assert notebook.remote("print(answer + 1)").text() == "43\n"


CHILDREN = """
import multiprocessing, os, sys
def work(n):
    print(f"worker {n} " + "x" * 200)
    print(f"error {n}", file=sys.stderr)
context = multiprocessing.get_context("fork")
processes = [context.Process(target=work, args=(n,)) for n in range(8)]
for process in processes: process.start()
for process in processes: process.join()
print("all")
"""


@pytest.mark.filterwarnings("ignore")
def test_forked_children_are_heard_in_whole_lines(notebook: Notebook) -> None:
    shown = notebook.remote(CHILDREN)
    lines = shown.text().splitlines()
    assert sorted(lines) == sorted([*(f"worker {n} " + "x" * 200 for n in range(8)), "all"])
    assert lines[-1] == "all"
    errors = [x for x in shown.text("stderr").splitlines() if x.startswith("error")]
    assert sorted(errors) == [f"error {n}" for n in range(8)]


def test_c_code_is_heard(notebook: Notebook) -> None:
    shown = notebook.remote(
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.puts(b'from C')\nlibc.fflush(None);"
    )
    assert "from C\n" in shown.text()


def test_a_worker_that_outlives_the_cell_is_heard_later(notebook: Notebook) -> None:
    notebook.remote(
        "import subprocess\n"
        "waits = 'while [ ! -e go ]; do sleep 0.01; done; echo late words; touch said'\n"
        "worker = subprocess.Popen(['sh', '-c', waits])"
    )
    (notebook.machine_folder / "go").touch()
    wait_for((notebook.machine_folder / "said").exists)
    assert "late words\n" in notebook.remote("print('next')").text()


def test_many_lines_come_whole_and_in_order(notebook: Notebook) -> None:
    shown = notebook.remote("for i in range(20_000): print(i, flush=True)")
    assert shown.text() == "".join(f"{i}\n" for i in range(20_000))


def test_an_empty_cell_is_told_so(notebook: Notebook) -> None:
    shown = notebook.run("%%remote_gpu\n   ")
    assert shown.ename() == "RequestError"
    assert "empty" in shown.error()


@pytest.mark.parametrize(
    ("line", "ename", "word"),
    [
        ("--a10O", "UnknownGPUError", "a100"),
        ("--machin x", "UnknownFlagError", "--machine"),
        ("--machine nowhere", "UnknownMachineError", "embedded"),
        ("--4x3090", "NotAvailableError", "3090"),
    ],
)
def test_requests_that_cannot_be_met_are_answered(
    notebook: Notebook, line: str, ename: str, word: str
) -> None:
    shown = notebook.run(f"%%remote_gpu {line}\nprint('must not run')")
    assert shown.ename() == ename
    assert word in shown.error()
    assert shown.text() == ""


def test_a_timeout_interrupts(notebook: Notebook) -> None:
    shown = notebook.run("%%remote_gpu --timeout 0.3\nimport time\nwhile True: time.sleep(0.01)")
    assert shown.ename() == "KeyboardInterrupt"
    assert "--timeout" in shown.line()


def test_help_is_shown(notebook: Notebook) -> None:
    assert "persistent Python on a machine" in notebook.run("%%remote_gpu --help\npass").text()
    for verb in ("", "status", "help", "names", "runs"):
        assert notebook.run(f"%remote_gpu {verb}").text()
    reply = notebook.client.inspect("%%remote_gpu", 12, 0, reply=True, timeout=30)
    assert "persistent Python on a machine" in reply["content"]["data"]["text/plain"]


def test_status_tells_whose_folder_and_interpreter(notebook: Notebook) -> None:
    notebook.remote("pass")
    text = notebook.run("%remote_gpu status").text()
    own = not notebook.hard
    assert ("the notebook's own folder" in text) is own
    assert ("the notebook's own interpreter" in text) is own
    same = "import os, sys; print(os.getcwd(), sys.executable)"
    assert (notebook.remote(same).text() == notebook.run(same).text()) is own


def test_nothing_of_the_notebooks_is_readable_in_the_hard_mode(notebook: Notebook) -> None:
    folder = notebook.run("import os; print(os.getcwd())").text().strip()
    shown = notebook.remote(f"import os; print(os.path.isdir({folder!r}))")
    assert shown.text() == f"{not notebook.hard}\n"


def test_indented_code_below_our_line_is_taken_as_ipython_takes_it(notebook: Notebook) -> None:
    code = textwrap.indent("a = 1\nprint(a)", "    ")
    assert notebook.remote(code).text() == "1\n"


def test_how_numpy_handles_errors_is_the_notebooks(notebook: Notebook) -> None:
    notebook.run("import numpy as np\nbefore = np.seterr(divide='raise')")
    shown = notebook.remote("np.float64(1) / np.float64(0)")
    assert shown.ename() == "FloatingPointError"
    notebook.remote("np.seterr(divide='ignore')")
    assert notebook.run("np.geterr()['divide']").displays() == [{"text/plain": "'ignore'"}]
    notebook.run("np.seterr(**before)")


def test_a_function_that_uses_what_its_cell_imports_comes_home(notebook: Notebook) -> None:
    """IPython compiles statements one by one, and Python's compiler then writes other code."""
    cell = "import random\n\n\ndef draw(n):\n    return random.Random(n).choices([n])"
    notebook.remote(cell)
    assert notebook.run("draw(3)").displays() == [{"text/plain": "[3]"}]
    notebook.run(cell.replace("draw", "drawn"))
    assert notebook.remote("drawn(4)").displays() == [{"text/plain": "[4]"}]
