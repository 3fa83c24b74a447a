"""Ambient state a machine may not set here: what decides which code this process runs."""

from __future__ import annotations

import importlib.util
import os
import random
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from jupyter_remote_gpu.protocol.state import Description, Report
from jupyter_remote_gpu.state.ambient.admission import NotAdmittedError, admitted
from jupyter_remote_gpu.state.plain.simple import to_bytes
from tests.state.hostile.liar import Lied
from tests.state.hosts import OtherProcess
from tests.state.notebook import Coherent


def tell(lied: Lied, **units: Any) -> None:
    ambient = {name.replace("__", "."): to_bytes(state) for name, state in units.items()}
    lied.ran(report=Report(bound={"x": Description("int")}, ambient=ambient))


@pytest.mark.parametrize(
    "variables",
    [
        {"LD_PRELOAD": "/tmp/evil.so"},
        {"PYTHONPATH": "/tmp"},
        {"PYTHONSTARTUP": "/tmp/x.py"},
        {"PAGER": "sh -c id"},
        {"BROWSER": "sh -c id"},
        {"EDITOR": "sh -c id"},
        {"PATH": "/tmp"},
        {"GIT_SSH_COMMAND": "id"},
        {"PIP_INDEX_URL": "http://evil"},
        {"http_proxy": "http://evil"},
        {"SSL_CERT_FILE": "/tmp/x"},
        {"HF_ENDPOINT": "http://evil"},
        {"MPLBACKEND": "module://evil"},
        {"JUPYTER_REMOTE_GPU_TRUSTED": "1"},
        {"HARMLESS": "1"},
        {"HOME": None},
    ],
)
def test_no_variable_is_set(lied: Lied, variables: dict[str, str | None]) -> None:
    before = dict(os.environ)
    lied.typed(f"# {' '.join(variables)}")
    with pytest.warns(RuntimeWarning, match="here it stays as it is"):
        tell(lied, os__environ=variables)
    assert dict(os.environ) == before


def test_what_libraries_set_there_is_not_said(lied: Lied) -> None:
    tell(lied, os__environ={"TORCH_SOMETHING": "1"})
    assert "TORCH_SOMETHING" not in os.environ


def test_folder_and_path_stay(lied: Lied) -> None:
    folder, path = os.getcwd(), list(sys.path)
    with pytest.warns(RuntimeWarning, match=r"os\.getcwd"):
        tell(lied, os__getcwd=(False, "/tmp"))
    with pytest.warns(RuntimeWarning, match=r"sys\.path"):
        tell(lied, sys__path=([(False, "/tmp/evil")], []))
    assert (os.getcwd(), sys.path) == (folder, path)


def test_it_is_said_once(lied: Lied) -> None:
    with pytest.warns(RuntimeWarning):
        tell(lied, os__getcwd=(False, "/tmp"))
    tell(lied, os__getcwd=(False, "/tmp"))
    tell(lied, os__getcwd=(True, "."))  # as it is here: nothing to say


@pytest.mark.parametrize(
    ("unit", "state"),
    [
        ("random", (3, (0,) * 624, None)),
        ("random", (3, (0,) * 624 + (10_000,), None)),
        ("random", (3, (-1,) * 625, None)),
        ("random", (2, (0,) * 625, None)),
        ("random", "text"),
        ("numpy.random", ("MT19937", b"\0" * 2496, 100_000, 0, 0.0)),
        ("numpy.random", ("MT19937", b"\0" * 8, 0, 0, 0.0)),
        ("numpy.random", ("os", b"\0" * 2496, 0, 0, 0.0)),
        ("torch.random", b"\0" * 99),
        ("torch.options", ("load", True, (1, 1, 1, 1, None))),
        ("torch.options", ("float32", 1, (1, 1, 1, 1, None))),
        ("torch.options", ("float32", True, (-1, 1, 1, 1, None))),
        ("warnings.filters", [("run", None, "builtins", "Warning", None, 0)]),
        ("warnings.filters", [5]),
        ("warnings.filters", [("ignore", None, "builtins", "Warning", None, -1)]),
        ("matplotlib.rcParams", {"axes.prop_cycle": {"cycle": {"color": "cycler(print)"}}}),
        ("matplotlib.rcParams", {"axes.prop_cycle": {"cycle": {"eval": ["x"]}}}),
        ("matplotlib.rcParams", [1]),
        ("sys.path", ([], [])),
        ("os.environ", {}),
        ("os.getcwd", (True, ".")),
        ("made.up", 1),
    ],
)
def test_states_in_another_form_are_refused(unit: str, state: Any) -> None:
    with pytest.raises(NotAdmittedError):
        admitted(unit, state)


@pytest.mark.parametrize(
    ("unit", "name", "value"),
    [
        ("matplotlib.rcParams", "figure.hooks", ["os:system"]),
        ("matplotlib.rcParams", "backend", "module://evil"),
        ("matplotlib.rcParams", "text.latex.preamble", r"\immediate\write18{id}"),
        ("matplotlib.rcParams", "text.usetex", True),
        ("matplotlib.rcParams", "pgf.texsystem", "evil"),
        ("matplotlib.rcParams", "animation.ffmpeg_path", "evil"),
        ("matplotlib.rcParams", "animation.convert_args", ["evil"]),
        ("matplotlib.rcParams", "savefig.directory", "/etc"),
        ("matplotlib.rcParams", "webagg.address", "0.0.0.0"),
        ("matplotlib.rcParams", "axes.prop_cycle", "cycler(color=__import__('os'))"),
        ("matplotlib.rcParams", "font.family", "a\x1b[2J"),
        ("matplotlib.rcParams", "lines.linewidth", 10**100),
        ("pandas.options", "plotting.backend", "evil"),
        ("pandas.options", "io.excel.xlsx.writer", "evil"),
        ("pandas.options", "styler.render.repr", "html"),
        ("pandas.options", "display.float_format", {"a": 1}),
        ("numpy.options", "formatter", {"all": "x"}),
        ("numpy.options", "nanstr", "\x1b[2J"),
        ("numpy.options", "threshold", "1"),
    ],
)
def test_options_that_name_code_or_programs_are_left_out(unit: str, name: str, value: Any) -> None:
    try:
        assert name not in admitted(unit, {name: value})
    except NotAdmittedError:
        assert name == "axes.prop_cycle"


@pytest.mark.parametrize(
    ("unit", "name", "value"),
    [
        ("matplotlib.rcParams", "figure.dpi", 150.0),
        ("matplotlib.rcParams", "lines.linewidth", 2.0),
        ("matplotlib.rcParams", "font.family", ["serif"]),
        ("matplotlib.rcParams", "axes.prop_cycle", {"cycle": {"color": ["r", "g"]}}),
        ("pandas.options", "display.max_rows", 10),
        ("numpy.options", "precision", 3),
    ],
)
def test_ways_of_showing_may_come(unit: str, name: str, value: Any) -> None:
    assert admitted(unit, {name: value}) == {name: value}


@pytest.mark.parametrize("pattern", ["(a+)+$", "(.*)*x", "[a-z]+" * 50, ".*.*.*.*.*.*x", "a" * 999])
def test_filters_with_slow_patterns_are_left_out(pattern: str) -> None:
    plain = ("ignore", "some words.*", "builtins", "UserWarning", None, 0)
    slow = ("ignore", pattern, "builtins", "UserWarning", None, 0)
    assert admitted("warnings.filters", [plain, slow]) == [plain]


def test_filters_name_classes_without_importing(lied: Lied) -> None:
    with warnings.catch_warnings():
        filters = [
            ("ignore", None, "antigravity", "Warning", None, 0),
            ("ignore", None, "os", "system", None, 0),
            ("ignore", None, "builtins", "print", None, 0),
            ("error", None, "builtins", "UserWarning", None, 0),
        ]
        tell(lied, warnings__filters=filters)
        assert [entry[:1] + entry[2:3] for entry in warnings.filters] == [("error", UserWarning)]


@pytest.fixture
def honest() -> Iterator[Coherent]:
    """A notebook with an honest machine that is not trusted, in a process of its own."""
    state = random.getstate()
    host = OtherProcess()
    with warnings.catch_warnings():
        yield Coherent(host, trusted=False)
    host.close()
    random.setstate(state)


def test_draws_and_printing_go_with_the_notebook(honest: Coherent) -> None:
    honest.here("import random\nrandom.seed(5)\na = random.random()\nrandom.seed(5)")
    honest.there("b = random.random()\nrandom.seed(7)")
    out, error = honest.here(
        "c = random.random()\nrandom.seed(7)\nprint(a == b, c == random.random())"
    )
    assert (out, error) == ("True True\n", "")


@pytest.mark.skipif(importlib.util.find_spec("numpy") is None, reason="needs NumPy")
def test_numpy_goes_too(honest: Coherent) -> None:
    honest.there("import numpy as np\nnp.random.seed(3)\nnp.set_printoptions(precision=2)")
    out, error = honest.here("a = np.random.rand()\nprint(np.array([1/3]))\nnp.random.seed(3)")
    assert (out, error) == ("[0.33]\n", "")
    assert (
        honest.here("print(a == np.random.rand())\nnp.set_printoptions(precision=8)")[0] == "True\n"
    )
