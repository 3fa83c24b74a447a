"""No pickle is loaded at a home that does not trust, wherever one may stand in a message."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import ProtocolError
from jupyter_remote_gpu.protocol.state import Description, Report
from jupyter_remote_gpu.state.ambient.ambience import Ambience
from tests.state.hostile.forge import Forge
from tests.state.hostile.gadgets import CALLED, pickles
from tests.state.hostile.liar import Lied, value

CORPUS = list(pickles())


def test_the_corpus_is_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loaded by pickle these do call what they name, or the tests below prove nothing."""
    monkeypatch.chdir(tmp_path)
    pickle.loads(dict(CORPUS)["os.system by _reduce"])
    assert (tmp_path / "canary").exists()
    found = {name: data for name, data in CORPUS if name.startswith("builtins.eval")}
    for data in found.values():
        with pytest.raises((SyntaxError, TypeError, AttributeError, pickle.UnpicklingError)):
            pickle.loads(data)
    assert len(CORPUS) > 6 * len(CALLED)


def test_as_heads(lied: Lied) -> None:
    lied.typed("class Gadget:\n    def __setstate__(self, state): called.append(state)")
    lied.ran()
    for _, data in CORPUS:
        lied.refuses(value(data), "could not be rebuilt")


def test_as_whole_parcels_with_buffers(lied: Lied) -> None:
    lied.ran()
    for _, data in CORPUS[:50]:
        lied.refuses(value(data, data))


def test_as_ambient_state(lied: Lied) -> None:
    with pytest.raises(ProtocolError), lied.looking():
        Ambience(trusted=True).take({"random": CORPUS[0][1]})
    for _, data in CORPUS:
        for unit in ("random", "warnings.filters", "os.environ", "matplotlib.rcParams"):
            with pytest.raises(ProtocolError):
                lied.ran(report=Report(bound={"x": Description("int")}, ambient={unit: data}))


def test_as_the_content_of_an_array(lied: Lied) -> None:
    """Bytes are bytes: they arrive and stay what they are."""
    np = pytest.importorskip("numpy")
    lied.ran()
    data = CORPUS[0][1]
    forge = Forge()
    memory = forge.build("memory", 0)
    element = forge.build("element", "|u1")
    array = forge.build("array", memory, element, 0, True, len(data), 1)
    assert lied.answer(value(forge.head(array), data)) == ""
    assert lied.names["x"].tobytes() == data
    assert lied.names["x"].dtype == np.uint8


@pytest.mark.parametrize("kind", ["text", "bytes", "tag", "name"])
def test_inside_plain_data(lied: Lied, kind: str) -> None:
    lied.ran()
    data = CORPUS[0][1]
    forge = Forge()
    if kind == "tag":
        lied.refuses(value(forge.head(forge.build(data.decode("latin-1")))))
    elif kind == "name":
        lied.refuses(value(forge.head(forge.put(1), data.decode("latin-1"))))
    else:
        found = forge.put(data if kind == "bytes" else data.decode("latin-1"))
        assert lied.answer(value(forge.head(found))) == ""
