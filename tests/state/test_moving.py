"""How values move: only what changed, in place, whole or not at all."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from jupyter_remote_gpu.errors import DamagedError
from jupyter_remote_gpu.protocol.state import Lacking
from jupyter_remote_gpu.state.landing import Landing
from tests.state.hosts import SameProcess
from tests.state.notebook import Coherent

numpy_too = pytest.mark.skipif(importlib.util.find_spec("numpy") is None, reason="needs NumPy")
BIG = "import numpy as np\nbig = np.random.default_rng(0).random(400_000)"
MIB = 1 << 20


class Faulty(SameProcess):
    """A line that damages, or breaks, the first `faults` pieces it carries."""

    faults = 0
    breaks = False

    def supply(self, chunks: Iterable[tuple[bytes, memoryview]]) -> Lacking:
        for name, chunk in chunks:
            self._carry(name, chunk, self.away.landing)
        return self.away.supplied()

    def pull(self, names: Sequence[bytes], landing: Landing) -> None:
        for name, chunk in self.away.pull(names):
            self._carry(name, chunk, landing)

    def _carry(self, name: bytes, chunk: Any, landing: Landing) -> None:
        target = landing.destination(name)
        target[:] = chunk
        if self.faults:
            self.faults -= 1
            if self.breaks:
                raise KeyboardInterrupt
            target[0] ^= 1
        assert landing.received(name) == (target == chunk)


@pytest.fixture
def host() -> Faulty:
    return Faulty()


@pytest.fixture
def notebook(host: Faulty) -> Coherent:
    return Coherent(host)


def shown(outcome: tuple[str, str]) -> str:
    assert outcome[1] == ""
    return outcome[0].strip()


@numpy_too
def test_nothing_moves_twice_and_changes_move_by_the_chunk() -> None:
    host = SameProcess()
    notebook = Coherent(host)
    notebook.here(BIG)
    notebook.there("s = big.sum()")
    assert 3 * MIB < host.bytes < 3.2 * MIB
    host.bytes = 0
    notebook.here("identity = id(big)\nbig.sum()")
    notebook.there("s = big.sum()")
    assert host.bytes == 0
    notebook.here("big[7] = 1")
    assert shown(notebook.there("print(big[7]); big[9] = 2")) == "1.0"
    assert host.bytes <= 2 * 256 * 1024
    assert shown(notebook.here("print(big[9], id(big) == identity)")) == "2.0 True"
    assert host.bytes <= 3 * 256 * 1024


@numpy_too
def test_chunks_are_found_in_other_values_there() -> None:
    host = SameProcess()
    notebook = Coherent(host)
    notebook.here(BIG)
    notebook.there("big.sum()")
    host.bytes = 0
    notebook.here("longer = np.concatenate([big, [1.0]])")
    assert shown(notebook.there("print(longer[-1], len(longer))")) == "1.0 400001"
    assert host.bytes < MIB / 2


@numpy_too
def test_views_are_patched_with_their_owner() -> None:
    host = SameProcess()
    notebook = Coherent(host)
    notebook.here(BIG + "\nview = big[1000:2000]\nidentities = id(big), id(view)")
    notebook.there("view[0] = -1")
    assert (
        shown(notebook.here("print(big[1000], identities == (id(big), id(view)))")) == "-1.0 True"
    )


@numpy_too
def test_a_patch_that_does_not_fit_comes_whole() -> None:
    host = SameProcess()
    notebook = Coherent(host)
    notebook.here(BIG)
    notebook.there("big.flags.writeable = False")
    notebook.here("big2 = big.sum()")
    notebook.here("big.flags.writeable = True\nbig[0] = 3")
    assert shown(notebook.there("print(big[0], big.flags.writeable)")) == "3.0 True"


@numpy_too
@pytest.mark.parametrize("outward", [True, False])
def test_damaged_pieces_are_sent_again(host: Faulty, notebook: Coherent, outward: bool) -> None:
    host.faults = 3 if outward else 0
    notebook.here(BIG)
    notebook.there("s = big.sum()\nback = big * 1")
    host.faults = 0 if outward else 3
    assert shown(notebook.here("print(back.sum() == big.sum() == s)")) == "True"
    assert host.faults == 0


@numpy_too
def test_pieces_that_stay_damaged_are_an_error_and_change_nothing(
    host: Faulty, notebook: Coherent
) -> None:
    notebook.here(BIG)
    host.faults = 10_000
    with pytest.raises(DamagedError, match="pieces of big kept arriving damaged"):
        notebook.there("big[0] = 0")
    host.faults = 0
    assert shown(notebook.there("print(len(big))")) == "400000"


@numpy_too
@pytest.mark.parametrize("outward", [True, False])
def test_an_interrupt_leaves_everything_as_it_was(
    host: Faulty, notebook: Coherent, outward: bool
) -> None:
    notebook.here(BIG + "\nl = [big]")
    notebook.there("l.append(1)")
    host.breaks = True
    if outward:
        notebook.here("big[:] = 0; first = l[0] is big")
        notebook.here("extra = np.random.default_rng(1).random(100_000)")
        before = dict(notebook.names)
        host.faults = 1
        with pytest.raises(KeyboardInterrupt):
            notebook.there("print(extra.sum(), l)")
    else:
        notebook.there("big[:] = 0; other = big + 1")
        before = dict(notebook.names)
        host.faults = 1
        with pytest.raises(KeyboardInterrupt):
            notebook.here("print(other, l)")
    assert {k: id(v) for k, v in notebook.names.items()} == {k: id(v) for k, v in before.items()}
    assert shown(notebook.here("print(big.sum(), len(l), l[0] is big)")) == "0.0 2 True"
    assert shown(notebook.there("print(big.sum(), len(l), l[0] is big)")) == "0.0 2 True"


def test_a_cell_that_never_ran_changes_nothing(notebook: Coherent) -> None:
    notebook.here("a = [1]\nb = a")
    notebook.home.depart("a.append(2)\nc = b")  # worked out, never sent
    notebook.here("a.append(3)")
    assert shown(notebook.there("print(a, a is b)")) == "[1, 3] True"


def test_a_begin_that_fails_can_be_sent_again(host: Faulty, notebook: Coherent) -> None:
    notebook.here("import os\nok = [1]\nclass Picky:\n    here = os.getpid()")
    notebook.here("class Bad:\n    def __reduce__(self): return (int, ('x',))\nbad = Bad()")
    with pytest.raises(Exception, match="bad could not be rebuilt on gpu1: ValueError"):
        notebook.there("ok.append(2); bad")
    assert "ok" not in host.main.__dict__
    notebook.here("del bad")
    assert shown(notebook.there("ok.append(2); print(ok)")) == "[1, 2]"


def test_the_table_says_where_everything_is(notebook: Coherent) -> None:
    notebook.here("a = b = [1]\nc = 2")
    notebook.there("x = a\nd = iter(a)\ne = 5")
    rows = {r.name: (r.where, r.shares_with) for r in notebook.hub.table()}
    assert rows["a"] == ("there", ("b", "d", "x"))
    assert rows["c"] == ("here", ())
    assert rows["d"] == ("stays", ("a", "b", "x"))
    assert rows["e"] == ("there", ())
    notebook.here("e")
    told = {r.name: (r.where, r.type, r.text) for r in notebook.hub.table()}
    assert told["e"] == ("both", "int", "5")


def test_memory_dropped_in_a_cell_is_free_in_that_cell(host: Faulty, notebook: Coherent) -> None:
    notebook.here("class Big: pass\nx = Big()")
    notebook.there("import weakref\nw = weakref.ref(x)")
    assert shown(notebook.there("gone = weakref.ref(x)\ndel x\nprint(gone() is None)")) == "True"


def test_threads_left_behind_are_counted(host: Faulty, notebook: Coherent) -> None:
    departure = notebook.home.depart(
        "import threading\nstop = threading.Event()\nthreading.Thread(target=stop.wait).start()"
    )
    _, error, report = host.run(departure.begin, departure.begin.cell.source)
    assert (error, report.threads) == ("", 1)
    host.main.__dict__["stop"].set()


def test_threads_of_ours_and_of_progress_bars_change_nothing(
    host: Faulty, notebook: Coherent
) -> None:
    monitor = pytest.importorskip("tqdm._monitor", reason="tqdm is not installed")
    departure = notebook.home.depart(
        "import threading\nfrom tqdm import tqdm\nfor step in tqdm(range(2)): pass\n"
        "stop = threading.Event()\n"
        "threading.Thread(target=stop.wait, name='remote-gpu-line').start()"
    )
    _, error, report = host.run(departure.begin, departure.begin.cell.source)
    assert error == ""
    assert any(isinstance(one, monitor.TMonitor) for one in threading.enumerate())
    assert report.threads == 0
    host.main.__dict__["stop"].set()


def test_a_name_bound_to_none_is_told_although_its_value_is_gone(notebook: Coherent) -> None:
    notebook.here("class Thing: pass\nthing = Thing()")
    notebook.there("thing")
    notebook.there("thing = None")
    assert notebook.here("print(thing)") == ("None\n", "")


@numpy_too
def test_what_rebuilding_changed_is_not_taken_for_what_arrived(notebook: Coherent) -> None:
    """A class may change an array in place when it is rebuilt; its chunks have other names then."""
    notebook.here(
        "import numpy as np\n"
        "class Shifted:\n"
        "    def __init__(self):\n"
        "        self.x = np.arange(300_000.)\n"
        "    def __setstate__(self, state):\n"
        "        self.__dict__.update(state)\n"
        "        self.x += 1\n"
        "s = Shifted()"
    )
    assert shown(notebook.there("print(s.x[0])")) == "1.0"
    notebook.here("b = np.arange(300_000.)")
    assert shown(notebook.there("print(b[0], s.x[0])")) == "0.0 1.0"


@pytest.mark.torch
def test_what_arrives_without_its_gradient_graph_is_told(notebook: Coherent) -> None:
    pytest.importorskip("torch")
    notebook.there("import torch\nw = torch.ones(2, requires_grad=True)\nloss = (w * 2).sum()")
    fetched = notebook.home.fetch(["loss", "w"], notebook.host)
    assert {one.name: one.detached for one in fetched.loads} == {"loss": True, "w": False}


def test_a_class_changed_on_one_machine_is_seen_on_another() -> None:
    notebook = Coherent(SameProcess(), SameProcess())
    notebook.here("class S:\n    n = 0")
    notebook.there("s = S()", 1)
    notebook.here("s")
    notebook.there("S.n = 5", 1)
    assert shown(notebook.there("print(s.n)", 2)) == "5"
