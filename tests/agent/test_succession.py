"""Which version serves: never a downgrade, never the end of a run, never in turn."""

from __future__ import annotations

import itertools

import pytest

from jupyter_remote_gpu.agent.succession import Held, Version, decide
from jupyter_remote_gpu.errors import VersionMismatchError

IDLE = Held("a.ipynb", busy=False, followed=False, protocol=1)
OPEN = Held("a.ipynb", busy=False, followed=True, protocol=1)
BUSY = Held("a.ipynb", busy=True, followed=False, protocol=1)
OLD, NEW = Version("0.9", 1, 1), Version("0.10.0", 1, 1)
OTHER_WIRE = Version("1.0", 2, 1)
OTHER_KERNELS = Version("2.0", 3, 2)


@pytest.mark.parametrize("kernels", [(), (IDLE,), (OPEN, BUSY)])
def test_a_newer_version_takes_over_and_an_older_one_uses_it(kernels: tuple[Held, ...]) -> None:
    assert decide(NEW, OLD, kernels) == "replace"
    assert decide(OLD, NEW, kernels) == "use"
    assert decide(NEW, NEW, kernels) == "use"
    assert decide(OTHER_WIRE, OLD, kernels) == "replace"


def test_two_clients_never_replace_each_others_agent_in_turn() -> None:
    words = ("0.1.0.dev0", "0.1.0a1", "0.1.0b2", "0.1.0rc1", "0.1", "0.1.0.post1", "0.2", "0.10")
    versions = [Version(word, 1, 1) for word in words]
    for one, other in itertools.combinations(versions, 2):
        assert (decide(one, other, ()), decide(other, one, ())) == ("use", "replace")


def test_a_version_that_is_in_the_middle_of_something_is_used_as_it_is() -> None:
    assert decide(NEW, OLD, (), working=True) == "use"
    with pytest.raises(VersionMismatchError, match="making something ready"):
        decide(OTHER_WIRE, OLD, (), working=True)


def test_a_version_too_old_for_the_agent_is_told_to_be_updated() -> None:
    with pytest.raises(VersionMismatchError, match="cannot speak to") as caught:
        decide(OLD, OTHER_WIRE, ())
    assert "pip install -U" in str(caught.value)


@pytest.mark.parametrize(("kernel", "doing"), [(BUSY, "a cell runs"), (OPEN, "is connected")])
def test_it_waits_for_kernels_that_it_cannot_speak_to(kernel: Held, doing: str) -> None:
    with pytest.raises(VersionMismatchError, match=rf"yet: .*{doing}.* of a\.ipynb") as caught:
        decide(OTHER_KERNELS, OLD, (kernel,))
    assert "%remote_gpu stop" in str(caught.value)
    # what is idle, and shown nowhere, could be reached by no client of that version
    assert decide(OTHER_KERNELS, OLD, (IDLE,)) == "replace"


def test_a_newer_version_of_the_same_wire_does_not_strand_kernels() -> None:
    mine = Version("3.0", 1, 2)
    assert decide(mine, OLD, (OPEN,)) == "use"
    assert decide(mine, OLD, ()) == "replace"
