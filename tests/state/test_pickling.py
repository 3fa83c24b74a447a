"""Values survive the way out and back: encodings, aliases, and what may not be loaded."""

from __future__ import annotations

import importlib.util
import pathlib
import pickle
import sys
from typing import Any

import pytest

from jupyter_remote_gpu.errors import CannotTravelError
from jupyter_remote_gpu.state.cells import Cells
from jupyter_remote_gpu.state.pickling import Encoded, Side, decode, encode

numpy_too = pytest.mark.skipif(importlib.util.find_spec("numpy") is None, reason="needs NumPy")
pandas_too = pytest.mark.skipif(importlib.util.find_spec("pandas") is None, reason="needs pandas")
torch_too = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch")


def side(*, outward: bool = True, **names: Any) -> Side:
    return Side({"__name__": "__main__", **names}, Cells(), outward)


def sent(value: Any, receiver: Side | None = None) -> Any:
    """Take a value through its encoding into memory of its own."""
    encoded = encode(value, side())
    buffers = [bytearray(b) for b in encoded.buffers]
    return decode(encoded.head, buffers, receiver or side(outward=False))


@numpy_too
@pytest.mark.parametrize(
    "make",
    [
        "np.arange(5.)",
        "np.arange(6).reshape(2, 3)[:, ::-1]",
        "np.asfortranarray(np.arange(6.).reshape(2, 3))",
        "np.zeros((0, 3), 'i2')",
        "np.array(3.5)",
        "np.array(['2020-01-01', 'NaT'], 'datetime64[D]')",
        "np.array([1, 2], '>i4')",
        "np.array([1 + 2j])",
        "np.zeros(3, [('a', 'i4'), ('b', 'f8', 2)])",
        "np.array(['ab', 'c'])",
        "np.array([True, False])",
        "np.array([1, 'a', None], dtype=object)",
        "np.arange(1000.)[::100]",
    ],
)
def test_arrays_arrive_as_they_were_and_writable(make: str) -> None:
    import numpy as np  # noqa: F401 (named by the cases)

    array = eval(make)
    found = sent({"x": array})["x"]
    assert found.dtype == array.dtype
    assert found.shape == array.shape
    assert found.flags.writeable
    assert found.tobytes() == array.tobytes() or array.dtype.hasobject
    assert str(found) == str(array)


@numpy_too
def test_arrays_are_not_copied_on_their_way_out() -> None:
    import numpy as np

    array = np.zeros(1000)
    encoded = encode([array], side())
    array[0] = 7
    assert np.frombuffer(encoded.buffers[0])[0] == 7
    assert len(encoded.head) < 300


@numpy_too
def test_views_stay_views_and_share_one_buffer() -> None:
    import numpy as np

    whole = np.arange(100.0)
    encoded = encode((whole, whole[10:20], whole.reshape(10, 10)[:, 1], whole[::-1]), side())
    assert [len(b) for b in encoded.buffers] == [800]
    a, b, c, d = decode(encoded.head, [bytearray(encoded.buffers[0])], side())
    a[11] = -1
    assert (b[1], c[1], d[88]) == (-1, -1, -1)


@numpy_too
def test_a_small_view_of_something_large_goes_alone() -> None:
    import numpy as np

    large = np.zeros(1_000_000)
    assert encode(large[5:10], side()).buffers[0].nbytes == 40
    assert encode(large[::1000], side()).buffers[0].nbytes == 8000


@numpy_too
def test_read_only_arrays_stay_read_only() -> None:
    import numpy as np

    array = np.arange(3)
    array.flags.writeable = False
    assert not sent(array).flags.writeable


@numpy_too
def test_scalars_keep_their_type() -> None:
    import numpy as np

    for value in (np.float32(1.5), np.int64(3), np.bool_(True), np.datetime64("2020-01-01")):
        found = sent(value)
        assert (type(found), found) == (type(value), value)


@pandas_too
@pytest.mark.parametrize(
    "make",
    [
        "pd.DataFrame({'a': [1, 2], 'b': ['x', 'y'], 'c': [1.5, None]})",
        "pd.DataFrame({'c': pd.Categorical(['a', 'b'])})",
        "pd.DataFrame({'t': pd.date_range('2020', periods=2, tz='UTC')}).set_index('t')",
        "pd.DataFrame({'o': [{'k': 1}, [2]]})",
        "pd.Series([1, None], dtype='Int64', name='s')",
    ],
)
def test_frames_arrive_as_they_were(make: str) -> None:
    import pandas as pd

    frame = eval(make)
    found = sent(frame)
    getattr(pd.testing, f"assert_{'series' if frame.ndim == 1 else 'frame'}_equal")(frame, found)
    if frame.ndim == 2 and "a" in frame:
        found.loc[0, "a"] = 9


@pytest.mark.torch
@torch_too
@pytest.mark.parametrize(
    "make",
    [
        "torch.arange(6.).reshape(2, 3)",
        "torch.arange(6.).reshape(2, 3).t()",
        "torch.arange(6.)[::2]",
        "torch.zeros(3, dtype=torch.bfloat16)",
        "torch.ones(2, dtype=torch.bool)",
        "torch.zeros(0, 3)",
        "torch.tensor(2.5)",
        "torch.ones(3).expand(2, 3)",
        "torch.eye(3).to_sparse()",
        "torch.ones(2, dtype=torch.complex64).conj()",
    ],
)
def test_tensors_arrive_as_they_were(make: str) -> None:
    import torch

    tensor = eval(make)
    found = sent(tensor)
    assert (found.dtype, found.shape, found.layout) == (tensor.dtype, tensor.shape, tensor.layout)
    assert found.stride() == tensor.stride() if found.layout == torch.strided else True
    assert torch.equal(found.to_dense(), tensor.to_dense())


@pytest.mark.torch
@torch_too
def test_tensors_keep_aliases_parameters_and_gradients() -> None:
    import torch

    layer = torch.nn.Linear(2, 2)
    layer(torch.ones(1, 2)).sum().backward()
    tied = torch.nn.Linear(2, 2)
    tied.weight = layer.weight
    flat = torch.zeros(10)
    value = {"layer": layer, "tied": tied, "view": layer.weight.detach()[0], "flat": flat}
    encoded = encode({**value, "numpy": flat.numpy(), "part": flat[2:4]}, side())
    found = decode(encoded.head, [bytearray(b) for b in encoded.buffers], side())
    assert found["tied"].weight is found["layer"].weight
    assert isinstance(found["layer"].weight, torch.nn.Parameter)
    grad = found["layer"].weight.grad
    assert grad is not None
    assert layer.weight.grad is not None
    assert torch.equal(grad, layer.weight.grad)
    with torch.no_grad():
        found["layer"].weight[0, 0] = 5
        found["flat"][3] = 7
    assert found["view"][0] == 5
    assert (found["numpy"][3], found["part"][1]) == (7, 7)
    assert found["part"].untyped_storage().data_ptr() == found["flat"].untyped_storage().data_ptr()


@pytest.mark.torch
@torch_too
def test_an_optimiser_goes_on_where_it_was() -> None:
    import torch

    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 1)

    def step(model: Any, optimiser: Any, schedule: Any) -> None:
        optimiser.zero_grad()
        model(torch.ones(2, 3)).pow(2).sum().backward()
        optimiser.step()
        schedule.step()

    step(model, optimiser, schedule)
    there = sent((model, optimiser, schedule))
    for _ in range(3):
        step(model, optimiser, schedule)
        step(*there)
    assert torch.equal(model.weight, there[0].weight)
    assert optimiser.param_groups[0]["lr"] == there[1].param_groups[0]["lr"]


@pytest.mark.torch
@torch_too
def test_a_tensor_of_a_missing_device_remembers_where_it_belongs() -> None:
    import torch

    from jupyter_remote_gpu.state.codecs.memory import Memory
    from jupyter_remote_gpu.state.codecs.tensors import home_device, tensor_over

    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    tensor = tensor_over(Memory(bytearray(8)), "float32", 0, (2,), (1,), False, False, "cuda:0")
    assert tensor.device.type == "cpu"
    assert home_device(tensor) == "cuda:0"
    assert home_device(sent(tensor)) == "cuda:0"


def test_code_never_comes_back() -> None:
    receiver = side(outward=True)
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("def f(): return 1", space)
    encoded = encode(space["f"], Side(space, Cells(), outward=True), [space["f"]])
    with pytest.raises(pickle.UnpicklingError, match="code never comes back"):
        decode(encoded.head, [], receiver)
    with pytest.raises(CannotTravelError, match="code never comes back from a machine"):
        encode(space["f"], Side(space, Cells(), outward=False), [space["f"]])


def test_other_bytecode_is_refused_with_the_reason() -> None:
    from jupyter_remote_gpu.state.pickling import code_from_bytes

    with pytest.raises(pickle.UnpicklingError, match=r"f \(line 3\) was compiled by Python 2.7"):
        code_from_bytes((2, 7), "f", 3, ())


def test_what_cannot_be_pickled_says_why() -> None:
    for make, why in (
        ("(i for i in [])", "it keeps its place inside running"),
        ("open('/dev/null')", "an open file belongs"),
        ("sys._getframe()", "it belongs to code that runs"),
    ):
        value = eval(make, {"sys": sys, "open": open})
        with pytest.raises(CannotTravelError, match=why):
            encode([{"deep": value}], side())
        if hasattr(value, "close"):
            value.close()


def test_encoding_an_unchanged_value_gives_the_same_bytes() -> None:
    value = {"a": [1, 2.5, "x"], "b": {3, 4}, "c": (None, b"y")}
    first: Encoded = encode(value, side())
    assert first.head == encode(value, side()).head


def test_paths_are_named_as_every_version_of_python_knows_them() -> None:
    """Python 3.13 keeps the classes of pathlib in a module that no other version has."""
    encoded = encode(pathlib.PurePosixPath("some"), side())
    assert b"_local" not in encoded.head
