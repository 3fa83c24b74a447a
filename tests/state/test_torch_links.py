"""What torch ties together behind the names: hooks and their handles, schedulers and `step`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.state.hosts import OtherProcess
from tests.state.notebook import Coherent

pytestmark = pytest.mark.torch

MODEL = "import torch\ntorch.manual_seed(0)\nmodel = torch.nn.Linear(2, 1)\nseen = []\n"
HOOK = "handle = model.register_forward_hook(lambda m, a, out: seen.append(1))\n"
CALL = "model(torch.ones(1, 2)); print(len(seen), len(model._forward_hooks))"
TRAIN = """
import warnings
warnings.simplefilter('error')
model(torch.ones(1, 2)).sum().backward()
optimiser.step()
scheduler.step()
print(optimiser.param_groups[0]['lr'], optimiser.mine)
"""


@pytest.fixture(scope="module")
def host() -> Iterator[OtherProcess]:
    pytest.importorskip("torch")
    opened = OtherProcess()
    yield opened
    opened.close()


@pytest.mark.parametrize("there", [False, True])
def test_a_handle_removes_its_hook_after_a_move(host: OtherProcess, there: bool) -> None:
    host.restart()
    notebook = Coherent(host)
    notebook.cell(MODEL + HOOK, remote=there)
    assert notebook.cell(CALL, remote=not there) == ("1 1\n", "")
    assert notebook.cell("handle.remove()", remote=not there) == ("", "")
    assert notebook.cell(CALL, remote=not there) == ("1 0\n", "")
    assert notebook.cell(CALL, remote=there) == ("1 0\n", "")


def test_hooks_of_both_sides_have_numbers_of_their_own(host: OtherProcess) -> None:
    host.restart()
    notebook = Coherent(host)
    notebook.here(MODEL + HOOK + HOOK.replace("handle", "other"))
    notebook.there(HOOK.replace("handle", "third"))
    assert notebook.here(CALL) == ("3 3\n", "")


@pytest.mark.parametrize("there", [False, True])
def test_a_scheduler_still_sees_its_optimisers_steps(host: OtherProcess, there: bool) -> None:
    host.restart()
    notebook = Coherent(host)
    make = (
        "optimiser = torch.optim.SGD(model.parameters(), lr=1.0)\noptimiser.mine = [7]\n"
        "scheduler = torch.optim.lr_scheduler.StepLR(optimiser, 1, gamma=0.5)\n"
    )
    notebook.cell(MODEL + make, remote=there)
    assert notebook.cell(TRAIN, remote=not there) == ("0.5 [7]\n", "")
    assert notebook.cell(TRAIN, remote=there) == ("0.25 [7]\n", "")


def test_an_optimiser_with_a_memory_of_its_own_goes_on(host: OtherProcess) -> None:
    host.restart()
    notebook = Coherent(host)
    notebook.here(MODEL + "optimiser = torch.optim.LBFGS(model.parameters(), max_iter=2)\n")
    step = (
        "def closure():\n    optimiser.zero_grad()\n"
        "    loss = model(torch.ones(1, 2)).pow(2).sum()\n    loss.backward()\n    return loss\n"
        "print(optimiser.step(closure).item() >= 0)"
    )
    assert notebook.there(step) == ("True\n", "")
    assert notebook.here(step) == ("True\n", "")


COMPUTED = "w = torch.ones(2, requires_grad=True)\ny = w * 3\nfirst = y[0]\n"


@pytest.mark.parametrize("there", [False, True])
def test_a_computed_tensor_looks_the_same_and_knows_its_graph_stayed(
    host: OtherProcess, there: bool
) -> None:
    host.restart()
    notebook = Coherent(host)
    notebook.cell(MODEL + COMPUTED, remote=there)
    look = "print(y, y.requires_grad, y.is_leaf, first.item())"
    shown = "tensor([3., 3.], grad_fn=<MulBackward0>) True False 3.0\n"
    assert notebook.cell(look, remote=not there) == (shown, "")
    through = "try:\n    (y.sum() + w.sum()).backward()\nexcept RuntimeError as error:\n"
    said = notebook.cell(through + "    print(str(error)[:55])", remote=not there)
    assert said == ("The gradient graph behind a tensor (MulBackward0) stayed\n"[:55] + "\n", "")
    change = "with torch.no_grad():\n    first.add_(1)\nprint(y)"
    changed = ("tensor([4., 3.], grad_fn=<MulBackward0>)\n", "")
    assert notebook.cell(change, remote=not there) == changed
    assert notebook.cell("print(y)", remote=there) == changed
