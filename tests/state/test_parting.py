"""A part of a value leaves the whole behind."""

from __future__ import annotations

from collections import OrderedDict

import pytest

from jupyter_remote_gpu.state.parting import RESULT, apart, part_result

numpy = pytest.importorskip("numpy")


def test_a_view_becomes_an_array_of_its_own() -> None:
    whole = numpy.arange(1000)
    part = apart(whole[10:20])
    whole[:] = 0
    assert part.base is None
    assert part.tolist() == list(range(10, 20))


def test_what_lies_in_containers_is_cut_loose_once() -> None:
    whole = numpy.zeros(100)
    found = apart({"a": [whole[:3]], "b": (whole[:3], 1), "c": OrderedDict(d=whole)})
    assert not any(
        numpy.shares_memory(whole, x) for x in (found["a"][0], found["b"][0], found["c"]["d"])
    )
    one = [1]
    twice = apart([one, one])
    assert twice[0] is twice[1]
    assert twice[0] is not one


def test_tensors_leave_their_storage() -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(100, 100)
    found = apart(model.state_dict())
    assert found["weight"].data_ptr() != model.weight.data_ptr()
    assert torch.equal(found["weight"], model.weight)
    part = apart(model.weight[:2])
    assert part.untyped_storage().nbytes() == 2 * 100 * 4
    assert not part.requires_grad
    assert apart(model).weight.data_ptr() != model.weight.data_ptr()


def test_what_cannot_be_copied_stays_as_it_is() -> None:
    numbers = (n for n in range(3))
    assert apart(numbers) is numbers


def test_only_a_result_is_cut_loose() -> None:
    names = {"x": numpy.zeros(3)}
    part_result(names)
    names[RESULT] = names["x"][:2]
    part_result(names)
    assert not numpy.shares_memory(names["x"], names[RESULT])
