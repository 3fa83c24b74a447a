"""Ambient state: looked at cheaply, told when changed, taken over as plain data only."""

from __future__ import annotations

import importlib.util
import os
import pickle
import random
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import ProtocolError
from jupyter_remote_gpu.state.ambient.ambience import Ambience
from jupyter_remote_gpu.state.ambient.surroundings import is_machines_own, is_secret
from tests.state.hosts import OtherProcess
from tests.state.notebook import Coherent


@pytest.fixture(scope="module")
def machine() -> Iterator[OtherProcess]:
    host = OtherProcess()
    yield host
    host.close()


@pytest.fixture
def notebook(machine: OtherProcess, tmp_path: Path) -> Iterator[Coherent]:
    """A notebook in a folder of its own; this process is put back as it was."""
    folder, paths, variables = os.getcwd(), list(sys.path), dict(os.environ)
    state = random.getstate()
    with warnings.catch_warnings():
        machine.restart()
        yield Coherent(machine)
    random.setstate(state)
    os.chdir(folder)
    sys.path[:] = paths
    os.environ.clear()
    os.environ.update(variables)


def shown(notebook: Coherent, cells: list[str]) -> str:
    out = ""
    for cell in cells:
        remote = cell.startswith("> ")
        out, error = notebook.cell(cell[2:] if remote else cell, remote=remote)
        assert not error, (cell, error)
    return out.strip()


def needs(module: str) -> pytest.MarkDecorator:
    found = importlib.util.find_spec(module) is not None
    return pytest.mark.skipif(not found, reason=f"needs {module}")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (
            [
                "import random\nrandom.seed(5)\nexpected = [random.random() for _ in range(3)]",
                "random.seed(5)\na = random.random()",
                "> b = random.random()",
                "print([a, b, random.random()] == expected)",
            ],
            "True",
        ),
        (
            [
                "import os\nos.makedirs('sub', exist_ok=True)\nos.chdir('sub')",
                "> import os",
                "> print(os.path.basename(os.getcwd()))\nos.chdir('..')",
                "os.rmdir('sub')\nprint(os.path.isdir('jupyter_remote_gpu'))",
            ],
            "True",
        ),
        (
            [
                "import sys\nsys.path.insert(0, 'lib')",
                "> import sys\nprint(os.path.relpath(sys.path[0]))".replace(
                    "import sys", "import os, sys"
                ),
            ],
            "lib",
        ),
        (
            [
                "import os\nos.environ['MODE'] = 'a'",
                "> import os\nos.environ.pop('MODE')",
                "print(os.environ.get('MODE'))",
            ],
            "None",
        ),
        (
            [
                "import warnings\nwarnings.simplefilter('ignore', UserWarning)",
                "> import warnings\nwarnings.warn('not shown')\nprint(warnings.filters[0][:3:2])",
            ],
            "('ignore', <class 'UserWarning'>)",
        ),
        (
            [
                "import decimal\ndecimal.getcontext().prec = 5",
                "> import decimal\nthird = decimal.Decimal(1) / 3",
                "> decimal.getcontext().prec = 28",
                "print(third, decimal.getcontext().prec)",
            ],
            "0.33333 28",
        ),
    ],
)
def test_goes_with_the_notebook(notebook: Coherent, cells: list[str], expected: str) -> None:
    assert shown(notebook, cells) == expected


@needs("numpy")
def test_numpy_seed_and_printing(notebook: Coherent) -> None:
    cells = [
        "import numpy as np\nnp.random.seed(3)\nexpected = np.random.rand(3).tolist()",
        "np.random.seed(3)\nold = np.get_printoptions()['precision']",
        "np.set_printoptions(precision=2)",
        "> a = np.random.rand(2).tolist()\nprint(np.array([1 / 3]))",
        "> np.set_printoptions(precision=old)",
        "print([*a, np.random.rand()] == expected, np.get_printoptions()['precision'] == old)",
    ]
    assert shown(notebook, cells[:4]) == "[0.33]"
    assert shown(notebook, cells[4:]) == "True True"


@needs("numpy")
def test_numpy_errors(notebook: Coherent) -> None:
    cells = [
        "import numpy as np\nbefore = np.seterr(divide='raise')",
        "> try:\n    np.float64(1) / np.float64(0)\nexcept Exception as e:\n    print(type(e))",
        "> np.seterr(**before)",
        "print(np.geterr()['divide'])",
    ]
    assert shown(notebook, cells[:2]) == "<class 'FloatingPointError'>"
    assert shown(notebook, cells[2:]) == "warn"


@needs("numpy")
def test_state_waits_for_a_library_that_is_not_imported_there() -> None:
    host = OtherProcess()
    notebook = Coherent(host)
    shown(notebook, ["import numpy as np\nnp.random.seed(3)\nexpected = np.random.rand()"])
    shown(notebook, ["np.random.seed(3)", "> x = 1"])
    assert shown(notebook, ["> import numpy.random as r\nprint(r.rand() == expected)"]) == "True"
    host.close()


@needs("numpy")
def test_state_of_a_library_that_is_not_imported_here_goes_on_to_other_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import numpy as np

    machine = Ambience()
    np.random.seed(7)
    told = {"numpy.random": machine.changes()[0]["numpy.random"]}
    monkeypatch.setattr(
        "jupyter_remote_gpu.state.ambient.ambience._ready", lambda module: not module
    )
    untold: dict[str, bytes] = {}
    first, second = Ambience(untold), Ambience(untold)
    try:
        first.take(told)
        assert "numpy.random" not in first.changes()[0]
        passed_on, looks = second.changes()
        assert passed_on["numpy.random"] == told["numpy.random"]
        second.settle(looks)
        assert "numpy.random" not in second.changes()[0]
    finally:
        first.close()


@pytest.mark.torch
@needs("torch")
def test_torch_seed_default_type_and_gradients(notebook: Coherent) -> None:
    cells = [
        "import torch\ntorch.manual_seed(1)\nexpected = torch.rand(2).tolist()",
        "torch.manual_seed(1)",
        "> a = torch.rand(1).item()\ntorch.set_default_dtype(torch.float64)",
        "print([a, torch.rand(1, dtype=torch.float32).item()] == expected, torch.ones(1).dtype)",
        "torch.set_default_dtype(torch.float32)\ntorch.set_grad_enabled(False)",
        "> print(torch.is_grad_enabled())\ntorch.set_grad_enabled(True)",
    ]
    assert shown(notebook, cells[:4]) == "True torch.float64"
    assert shown(notebook, cells[4:]) == "False"


@needs("pandas")
def test_pandas_options(notebook: Coherent) -> None:
    cells = [
        "import pandas as pd\npd.set_option('display.max_rows', 7)",
        "> print(pd.options.display.max_rows)",
    ]
    assert shown(notebook, cells) == "7"
    shown(notebook, ["> pd.reset_option('display.max_rows')"])
    assert shown(notebook, ["print(pd.options.display.max_rows)"]) == "60"


@needs("matplotlib")
def test_plot_settings(notebook: Coherent) -> None:
    cells = [
        "import matplotlib as m\nm.use('agg')\nm.rcParams['lines.linewidth'] = 3.25\n"
        "m.rcParams['axes.prop_cycle'] = m.cycler(color=['r', 'g'])",
        "> print(m.rcParams['lines.linewidth'], m.rcParams['axes.prop_cycle'].by_key())\n"
        "m.rcParams['lines.linewidth'] = 1.5",
        "print(m.rcParams['lines.linewidth'])\nm.rcdefaults()",
    ]
    assert shown(notebook, cells[:2]) == "3.25 {'color': ['r', 'g']}"
    assert shown(notebook, cells[2:]) == "1.5"


def test_nothing_is_told_twice() -> None:
    ambience = Ambience()
    told, looks = ambience.changes()
    assert "random" in told
    ambience.settle(looks)
    assert ambience.changes() == ({}, {})


def test_only_plain_data_is_loaded() -> None:
    with pytest.raises(ProtocolError, match="plain data"):
        Ambience().take({"random": pickle.dumps(print)})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WANDB_API_KEY", "x"),
        ("HF_TOKEN", "x"),
        ("DB_PASSWORD", "x"),
        ("CONFIG", "ghp_abcdefgh"),
        ("DATABASE_URL", "postgres://me:pw@host/db"),
        ("BLOB", "a1b2" * 10),
    ],
)
def test_secrets_are_recognised(name: str, value: str) -> None:
    assert is_secret(name, value)


def test_ordinary_variables_are_told_and_the_machines_own_are_not() -> None:
    assert not is_secret("TOKENIZERS_PARALLELISM", "false")
    assert not is_secret("OMP_NUM_THREADS", "4")
    assert not is_machines_own("OMP_NUM_THREADS")
    for name in ("PATH", "HOME", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "VIRTUAL_ENV"):
        assert is_machines_own(name)


def test_options_of_scikit_learn_travel(notebook: Coherent) -> None:
    sklearn = pytest.importorskip("sklearn")
    before = sklearn.get_config()["display"]
    try:
        notebook.here("import sklearn\nsklearn.set_config(display='text')")
        look = "print(sklearn.get_config()['display'])"
        assert notebook.there(look) == ("text\n", "")
        notebook.there("sklearn.set_config(display='diagram')")
        assert notebook.here(look) == ("diagram\n", "")
    finally:
        sklearn.set_config(display=before)
