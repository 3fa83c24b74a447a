"""Modules of the project, edited between cells: each side gives what one Python would."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Notebooks, make_place
from tests.notebook import Notebook

FIRST = """
class Net:
    def __init__(self, width): self.width = width
    def run(self): return self.width + 1
def step(): return 1
"""
SECOND = """
print("net is loaded")
class Net:
    def __init__(self, width): self.width = width
    def run(self): return self.width + 200
class Deep(Net): pass
def step(): return 2
def more(): return 3
"""
THIRD = SECOND.replace("200", "3000").replace("return 2", "return 4")


@pytest.fixture(scope="module", params=["plain", "untrusted"])
def notebook(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Notebook]:
    opener = Notebooks(make_place(request, tmp_path_factory))
    yield opener.open("edited")
    opener.close()


@pytest.fixture
def project(notebook: Notebook) -> Path:
    """The folder of the notebook, which the machine sees as well; all of it is forgotten."""
    assert notebook.machine_folder.is_dir()
    return notebook.machine_folder


def _values(notebook: Notebook, expression: str) -> tuple[str, str]:
    """Print an expression there and here."""
    there = notebook.remote(f"print(({expression}))")
    here = notebook.run(f"print(({expression}))")
    assert (there.error(), here.error()) == ("", "")
    return there.text().splitlines()[-1], here.text().splitlines()[-1]


def test_an_edited_module_is_new_there_and_values_of_it_come_home(
    notebook: Notebook, project: Path
) -> None:
    (project / "net.py").write_text(FIRST)
    notebook.run("import net\nfrom net import Net, step\nx = Net(10)")
    assert _values(notebook, "step(), x.run(), type(x) is Net") == ("(1, 11, True)",) * 2

    (project / "net.py").write_text(SECOND)
    shown = notebook.remote("y = Net(20)\nprint(step(), x.run(), y.run(), type(x) is net.Net)")
    assert shown.text() == "net is loaded\n2 210 220 True\n"
    assert (
        "net.py changed since it was imported here; there the new version is used" in shown.line()
    )
    shown = notebook.remote("print(net.more(), type(x) is Net, isinstance(y, Net))")
    assert shown.text() == "3 True True\n"
    assert "changed since" not in shown.line(), "it is said once"
    # this side has what it imported, and takes what comes as such
    assert (
        notebook.run("print(step(), x.run(), y.run(), type(y) is Net)").text() == "1 11 21 True\n"
    )

    notebook.remote("w = net.Deep(40)")
    assert "`importlib.reload` of it brings the edit" in notebook.run("w").error()
    # %autoreload counts from when it is switched on
    again = "importlib.reload(net)\nfrom net import Net, step\nx = Net(10)\ny = Net(20)"
    notebook.run(f"import importlib\n{again}\n%load_ext autoreload\n%autoreload 2")
    (project / "net.py").write_text(THIRD)
    assert _values(notebook, "step(), x.run(), y.run()") == ("(4, 3010, 3020)",) * 2
    notebook.run("x.width = 11; both = [step, net.step, Net, x]")
    expression = "[both[0](), both[1](), x.run()], type(x) is net.Net, isinstance(x, net.Net)"
    if notebook.trusted:
        assert _values(notebook, expression) == ("([4, 4, 3011], True, True)",) * 2
    notebook.remote("x.width = 12\nz = net.Deep(30)")
    assert _values(notebook, "x.run(), z.run(), type(z) is net.Deep") == ("(3012, 3030, True)",) * 2
    notebook.run("%autoreload 0")


def test_a_module_with_an_error_is_named_and_the_one_before_stays(
    notebook: Notebook, project: Path
) -> None:
    (project / "broken.py").write_text("def f(): return 1")
    notebook.remote("import broken")
    (project / "broken.py").write_text("def f( = 2")
    shown = notebook.remote("print(broken.f())")
    assert shown.text() == "1\n"
    assert "broken.py could not be loaded anew" in shown.line()
    assert "SyntaxError" in shown.line()
    assert "broken.py" not in notebook.remote("print(broken.f())").line()


def test_stop_ends_a_module_that_does_not_end(notebook: Notebook, project: Path) -> None:
    (project / "endless.py").write_text("A = 1")
    notebook.remote("import endless")
    text = "A = 2\nprint('loading', flush=True)\nimport os\n"
    (project / "endless.py").write_text(f"{text}while os.path.exists('endless.py'): pass")
    shown = notebook.remote("print(1)", on_message=notebook.interrupt_at("loading"))
    assert "interrupted while modules that had changed were loaded anew" in shown.error()
    (project / "endless.py").write_text(text)
    assert notebook.remote("print(endless.A)").text() == "loading\n2\n"


def test_a_reload_by_hand_counts(notebook: Notebook, project: Path) -> None:
    (project / "byhand.py").write_text("print('runs')")
    notebook.remote("import byhand")
    cell = "import importlib, pathlib\npathlib.Path('byhand.py').write_text(\"print('again')\")\n"
    assert notebook.remote(f"{cell}importlib.reload(byhand)").text().startswith("again\n")
    assert notebook.remote("print(1)").text() == "1\n"


def test_autoreload_in_a_remote_cell_is_left_to_itself(notebook: Notebook, project: Path) -> None:
    (project / "own.py").write_text("A = 1")
    notebook.remote("%load_ext autoreload\n%autoreload 2\nimport own")
    (project / "own.py").write_text("print('once')\nA = 22")
    assert notebook.remote("print(own.A)").text() == "once\n22\n"
    notebook.remote("%autoreload 0")
    assert notebook.remote("print(own.A)").text() == "22\n"


MODEL = """
from model_parts.layers import Layer, scale
VERSION = {0}
class Model(Layer):
    def run(self): return self.size * 1000 + VERSION
def make(size): return Model(size)
def added_{0}(): return VERSION
"""
LAYERS = """
UNIT = {0}
class Layer:
    def __init__(self, size): self.size = size
    def low(self): return self.size * 1000 + UNIT
def scale(x): return x * 1000 + UNIT
"""


@pytest.mark.parametrize("seed", range(2))
def test_any_placement_shows_what_the_files_say(
    notebook: Notebook, project: Path, seed: int
) -> None:
    rnd = random.Random(seed)
    name, parts = f"model_{seed}", f"model_parts_{seed}"

    def edit(file: str, source: str, version: int) -> None:
        # of another length each time: Python's own cache of compiled code has seconds only
        text = source.format(version).replace("model_parts", parts) + "#" * version
        (project / file).parent.mkdir(exist_ok=True)
        (project / file).write_text(text)

    def cell(code: str) -> str:
        shown = rnd.choice([notebook.run, notebook.remote])(code)
        assert shown.error() == ""
        return shown.text()

    edit(f"{parts}/__init__.py", "", 0)
    edit(f"{parts}/layers.py", LAYERS, 1)
    edit(f"{name}.py", MODEL, 1)
    notebook.run("%reload_ext autoreload\n%autoreload 2")
    cell(f"import {name} as m, {parts}.layers\nfrom {name} import make, Model\nxs = [Model(7)]")
    sizes, high, low = [7], 1, 1
    for version in range(2, 12):
        if rnd.random() < 0.6:
            edit(f"{name}.py", MODEL, version)
            high = version
        if rnd.random() < 0.4:
            edit(f"{parts}/layers.py", LAYERS, version)
            low = version
        if rnd.random() < 0.5:
            sizes.append(version)
            assert cell(f"xs.append({rnd.choice(['make', 'm.Model', 'Model'])}({version}))") == ""
        if rnd.random() < 0.5:
            at = rnd.randrange(len(sizes))
            sizes[at] += 1
            assert cell(f"xs[{at}].size += 1") == ""
        values = [[size * 1000 + part for size in sizes] for part in (high, low)]
        shown = cell("print([x.run() for x in xs], [x.low() for x in xs])")
        assert shown == f"{values[0]} {values[1]}\n", (version, high, low)
        shown = cell(f"print(m.added_{high}(), m.scale(2), make(3).run(), type(xs[0]) is m.Model)")
        assert shown == f"{high} {2000 + low} {3000 + high} True\n", (version, high, low)
    notebook.run("%autoreload 0")
