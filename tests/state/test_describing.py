"""What is said of a value in one line: its type, shape, device and size, never its text."""

from __future__ import annotations

import types
from collections import OrderedDict, defaultdict, deque
from typing import Any

import pytest

from jupyter_remote_gpu.state.describing import describe
from jupyter_remote_gpu.state.placeholders import Placeholder

numpy = pytest.importorskip("numpy")
pandas = pytest.importorskip("pandas")
torch: Any = pytest.importorskip("torch")


class Net(torch.nn.Module):  # type: ignore[misc]
    """A model with parameters and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1000, 1000)
        self.register_buffer("seen", torch.zeros(10))


def function() -> None:
    """A function."""


FRAME = pandas.DataFrame({"a": numpy.arange(1000), "b": numpy.zeros(1000)})


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (numpy.zeros((3, 4), "float32"), "ndarray, float32 [3, 4], 48 B"),
        (numpy.float64(1.5), "float64, 8 B"),
        (torch.zeros(2, 3), "Tensor, float32 [2, 3], cpu, 24 B"),
        (torch.zeros(2, device="meta"), "Tensor, float32 [2], meta, 8 B"),
        (torch.nn.LazyLinear(3), "LazyLinear"),
        (Net().to("meta"), f"{__name__}.Net, 1 M params, meta, 4.0 MB"),
        (FRAME, "DataFrame, 1,000 rows x 2 columns, 16 kB"),
        (FRAME["b"], "Series, float64, 1,000 elements, 8.1 kB"),
        ([1], "list, 1 element"),
        ({"a": 1, "b": 2}, "dict, 2 elements"),
        (OrderedDict(a=1), "collections.OrderedDict, 1 element"),
        (defaultdict(list), "collections.defaultdict, 0 elements"),
        (deque([1, 2]), "collections.deque, 2 elements"),
        ("a secret text", "str, 13 characters"),
        (b"a secret text", "bytes, 13 elements"),
        (7, "int, 7"),
        (10**6000, "int, very large"),
        (None, "NoneType, None"),
        (True, "bool, True"),
        (function, "function function"),
        (Net, "class Net"),
        (types, "module types"),
        (torch.device("cpu"), "device, cpu"),
        (torch.float16, "dtype, torch.float16"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_placeholder_says_what_waits(value: Any, what: str) -> None:
    shown = repr(Placeholder("x", describe(value), "gpu1"))
    assert shown == f"<x: {what}; newest on gpu1; a cell that mentions it fetches it>".replace(
        "torch.nn.modules.linear.LazyLinear", "LazyLinear"
    )


def test_no_code_of_a_value_is_run() -> None:
    class Loud(list[int]):
        def __len__(self) -> int:
            raise AssertionError("was asked")

        def __repr__(self) -> str:
            raise AssertionError("was asked")

    assert describe(Loud([1, 2])).text == "2 elements"
