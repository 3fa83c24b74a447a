"""Sizes, shapes, counts and hashes that lie: nothing is allocated, read or written for them."""

from __future__ import annotations

import importlib.util
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from jupyter_remote_gpu.errors import ProtocolError
from jupyter_remote_gpu.protocol.state import Answers, Description, Manifest, Parcel, Report
from jupyter_remote_gpu.state.plain import layout
from tests.state.hostile.forge import Forge
from tests.state.hostile.liar import Lied, cut, value
from tests.state.hosts import SameProcess
from tests.state.notebook import Coherent

numpy_too = pytest.mark.skipif(importlib.util.find_spec("numpy") is None, reason="needs NumPy")
torch_too = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch")
TERABYTE = 10**12


@pytest.fixture
def small(lied: Lied) -> Any:
    """The notebook that is lied to; the test may use 20 MB of memory."""
    lied.ran()
    tracemalloc.start()
    yield lied
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.parametrize("size", [10 * TERABYTE, 1 << 45])
def test_a_manifest_of_terabytes(small: Lied, size: int) -> None:
    step = 1 << 26
    manifest = Manifest(size, step, (b"\0" * 32,) * -(-size // step))
    if -(-size // step) > 200_000:
        manifest = Manifest(size, step, ())
    head, chunks = cut(Forge().head(0))
    parcel = Parcel("there-1", ("x",), "value", (head, manifest))
    small.liar.answers = Answers((parcel,), chunks)
    small.refuses(Answers((parcel,), chunks))


def test_many_manifests_of_gigabytes(small: Lied) -> None:
    one = Manifest(1 << 36, 1 << 26, (b"\0" * 32,) * (1 << 10))
    head, chunks = cut(Forge().head(0))
    parcel = Parcel("there-1", ("x",), "value", (head, *[one] * 100))
    small.refuses(Answers((parcel,), chunks), "memory")


@pytest.mark.parametrize("field", range(9))
@pytest.mark.parametrize("count", [1 << 62, (1 << 64) - 1, 1 << 32, 7])
def test_counts_of_a_head_that_are_not_true(small: Lied, field: int, count: int) -> None:
    head = bytearray(Forge().head(0))
    start = len(layout.MAGIC) + 8 * field
    head[start : start + 8] = count.to_bytes(8, "little")
    small.refuses(value(bytes(head)))


@pytest.mark.parametrize(
    "code",
    [
        [0],
        [99, 0],
        [-1, 0],
        [layout.LIST, -1],
        [layout.LIST, 1 << 30],
        [layout.TUPLE, 1, 10_000],
        [layout.TUPLE, 1, -1],
        [layout.TUPLE, 1, -(1 << 31)],
        [layout.WHOLE, 1, 1 << 30],
        [layout.REAL, 1, -1],
        [layout.WHOLE, 0],
        [layout.FILL, 1, -1],
        [layout.FILL, 0],
        [layout.FILL, 1, 0],
        [layout.BUILD, 0],
        [layout.BUILD, 1, 0],
        [layout.DICT, 1, 0],
        [layout.SET, 1, 0],
        [layout.TUPLE, 1, 0, layout.TUPLE, 1, -2],
    ],
)
def test_records_that_break_the_format(small: Lied, code: list[int]) -> None:
    forge = Forge()
    forge.layout.code.extend(code)
    forge.layout.objects = 2
    small.refuses(value(forge.layout.pack()))


def test_more_objects_than_announced(small: Lied) -> None:
    forge = Forge()
    forge.head(0)
    forge.layout.objects = 1
    small.refuses(value(forge.layout.pack()))


@pytest.mark.parametrize("lengths", [[-1], [1 << 62], [5, -5], [(1 << 63) - 1, 1], [0] * 3 + [1]])
def test_texts_that_are_not_there(small: Lied, lengths: list[int]) -> None:
    forge = Forge()
    forge.layout.kinds.extend([layout.TEXT] * len(lengths))
    forge.layout.lengths.extend(lengths)
    forge.head(0)
    small.refuses(value(forge.layout.pack()))


def test_an_integer_of_a_billion_digits(small: Lied) -> None:
    forge = Forge()
    forge.layout.kinds.append(layout.BIG)
    forge.layout.lengths.append(1 << 29)
    small.refuses(value(forge.layout.pack()))


def test_a_hundred_thousand_levels(small: Lied) -> None:
    """Lists in each other are only data; as keys, nested tuples would overflow the stack."""
    forge = Forge()
    found = forge.tuple()
    for _ in range(50_000):
        found = forge.tuple(found)
    small.refuses(value(forge.head(forge.dict(found, forge.put(1)))), "nested")


def test_keys_made_to_collide(small: Lied) -> None:
    modulus = (1 << 61) - 1
    forge = Forge()
    keys = [forge.put(n * modulus) for n in range(1, 20_000)]
    small.refuses(value(forge.head(forge.fill(forge.record(layout.SET), *keys))), "hashes")


def test_an_object_is_filled_once(small: Lied) -> None:
    forge = Forge()
    found = forge.fill(forge.list(), forge.put(1))
    small.refuses(value(forge.head(forge.fill(found, forge.put(2)))), "once")


ARRAYS = [
    (40, [4], [8], 32),  # begins behind the end
    (1, [4], [8], 32),  # ends behind the end
    (-8, [4], [8], 32),
    (0, [4], [-8], 32),  # reaches below the beginning
    (0, [5], [8], 32),
    (0, [1 << 40], [8], 32),
    (0, [1 << 30, 1 << 30], [0, 0], 32),  # small memory, endless repetition
    (0, [1 << 62], [0], 32),
    (0, [-1], [8], 32),
    (0, [2, 2], [1 << 62, 8], 32),
    (0, [2], [1 << 63], 32),
    (0, [1] * 40, [8] * 40, 32),
    (0, [4, 4], [8], 32),
    (1 << 63, [4], [8], 32),
    (24, [2], [-48], 32),
]


@numpy_too
@pytest.mark.parametrize(("offset", "shape", "strides", "size"), ARRAYS)
def test_arrays_beyond_their_memory(
    small: Lied, offset: int, shape: list[int], strides: list[int], size: int
) -> None:
    forge = Forge()
    memory, element = forge.build("memory", 0), forge.build("element", "<f8")
    refs = [forge.put(n) for n in (*shape, *strides)]
    tag = forge.put("array")
    found = forge.record(
        layout.BUILD, tag, memory, element, forge.put(offset), forge.put(True), *refs
    )
    small.refuses(value(forge.head(found), b"\0" * size))


@torch_too
@pytest.mark.parametrize(("offset", "shape", "strides", "size"), ARRAYS)
@pytest.mark.parametrize("dtype", ["float64", "load", "os", "qint8", "float32\0"])
def test_tensors_beyond_their_memory(
    small: Lied, dtype: str, offset: int, shape: list[int], strides: list[int], size: int
) -> None:
    forge = Forge()
    memory = forge.build("memory", 0)
    steps = [s // 8 if s % 8 == 0 else s for s in strides]
    facts = [forge.put(v) for v in (dtype, offset, False, False, "cpu", *shape, *steps)]
    found = forge.record(layout.BUILD, forge.put("tensor"), memory, *facts)
    small.refuses(value(forge.head(found), b"\0" * size))


@numpy_too
@pytest.mark.parametrize(
    "parts",
    [
        ("scalar", "no dtype", b"x"),
        ("element", "<f8" * 1000),
        ("record", 8, False, "a", "no dtype", 0, None),
        ("record", 1 << 40, False),
        ("memory", 1),
        ("memory", -1),
        ("memory", "0"),
        ("objects", 1 << 40),
        ("objects", -1),
        ("masked", 1, None, None, False),
        ("seeds", 1 << 9000, 4, 0),
        ("seeds", 1, 1 << 40, 0),
        ("bits", "MT19937", None, b"", 0),
        ("bits", "MT19937", None, b"\0" * 2496, 10_000),
        ("bits", "Philox", None, b"\0" * 32, b"\0" * 16, b"\0" * 32, 99, 0, 0),
        ("generator", 5),
        ("range index", 0, 1, 0, None),
        ("multi index", 1 << 40),
        ("frame", 1, 2, True),
        ("series", 1, 2, 3),
        ("decimal", "9" * 200_000),
        ("pattern", "(" * 500 + "a" + ")" * 500 + "{1000}" * 100, 0),
        ("pattern", "a" * 2000, 0),
        ("image", "RGB", 1 << 19, 1 << 19, b"", None),
        ("image", "RGB", 2, 2, b"x", None),
        ("timedelta", 1 << 40, 0, 0),
        ("date", 0, 0, 0),
        ("fraction", 1, 0),
        ("uuid", b"x"),
        ("numbers", "u"),
        ("stream", "a", -1),
        ("torch generator", b"x"),
    ],
)
def test_values_with_numbers_that_lie(small: Lied, parts: tuple[Any, ...]) -> None:
    forge = Forge()
    small.refuses(value(forge.head(forge.build(parts[0], *parts[1:])), b"\0" * 8))


@numpy_too
def test_native_code_gets_only_checked_indexes(small: Lied) -> None:
    """Codes beyond their levels, columns beyond the frame, sparse indexes beyond the tensor."""
    pytest.importorskip("pandas")
    forge = Forge()
    index = forge.build("range index", 0, 3, 1, None)
    codes = forge.list(forge.put(0), forge.put(7))
    multi = forge.record(
        layout.BUILD, forge.put("multi index"), forge.put(1), index, codes, forge.put(None)
    )
    small.refuses(value(forge.head(multi)), "code")
    for places in ([0, 5], [0, 0], [-1], [0, 1, 2]):
        forge = Forge()
        index = forge.build("range index", 0, 1, 1, None)
        memory, element = forge.build("memory", 0), forge.build("element", "<f8")
        refs = [forge.put(n) for n in (0, True, len(places), 1, 8, 8)]
        block = forge.record(layout.BUILD, forge.put("array"), memory, element, *refs)
        where = forge.list(*[forge.put(n) for n in places])
        frame = forge.record(
            layout.BUILD, forge.put("frame"), index, index, forge.put(True), where, block
        )
        small.refuses(value(forge.head(frame), b"\0" * 64))


def test_damaged_chunks_are_refused(lied: Lied) -> None:
    lied.ran()
    honest = value(Forge().head(0))
    name = next(iter(honest.chunks))
    lied.refuses(replace(honest, chunks={name: b"something else"}), "match")
    lied.refuses(replace(honest, chunks={}), "damaged")
    lied.refuses(replace(honest, chunks={}), chunks={name: b"something else"})


def test_one_chunk_of_two_lengths(lied: Lied) -> None:
    lied.ran()
    manifest, chunks = cut(Forge().head(0))
    (name,) = manifest.names
    longer = Manifest(manifest.length + 1, manifest.chunk_bytes, (name,))
    parcel = Parcel("there-1", ("x",), "value", (manifest, longer))
    lied.refuses(Answers((parcel,), chunks))
    lied.refuses(Answers((parcel,)), chunks=chunks)


@numpy_too
class TestPatches:
    """A patch changes what was sent from here, in place, and nothing else."""

    @pytest.fixture
    def lent(self, lied: Lied) -> Any:
        """x was sent there and may have changed; y is another value of the notebook's."""
        np = pytest.importorskip("numpy")
        lied.typed("import numpy as np\nx = np.zeros(8)\ny = np.zeros(8)")
        home = lied.notebook.home
        departure = home.depart("x[0] = 1")
        home.commit(departure)
        home.complete(departure, Report(touched={"x": Description("ndarray", "float64")}))
        yield lied, np, departure.sendings[0].parcel.token

    def patch(self, base: str, *buffers: bytes, slots: tuple[int, ...], **more: Any) -> Answers:
        cuts = [cut(b) for b in buffers]
        given = {"names": ("x",), **more}
        parcel = Parcel(
            "there-1", given["names"], "patch", tuple(m for m, _ in cuts), base=base, slots=slots
        )
        return Answers((parcel,), {n: c for _, chunks in cuts for n, c in chunks.items()})

    def test_an_honest_one_is_applied(self, lent: Any) -> None:
        lied, np, token = lent
        content = np.arange(8.0)
        before = lied.notebook.home._half.parked["x"]
        assert lied.answer(self.patch(token, content.tobytes(), slots=(0,))) == ""
        assert lied.names["x"] is before
        assert lied.names["x"].tolist() == content.tolist()
        assert lied.names["y"].tolist() == [0.0] * 8

    @pytest.mark.parametrize(
        ("buffers", "slots", "more"),
        [
            ([b"\1" * 64], (1,), {}),
            ([b"\1" * 64], (99,), {}),
            ([b"\1" * 56], (0,), {}),
            ([b"\1" * 72], (0,), {}),
            ([b"\1" * 64], (0,), {"names": ("y",)}),
            ([b"\1" * 64], (0,), {"names": ("x", "y")}),
            ([b"\1" * 64], (0,), {"base": "home-0"}),
            ([b"\1" * 64], (0,), {"base": ""}),
        ],
    )
    def test_others_change_nothing(
        self, lent: Any, buffers: list[bytes], slots: tuple[int, ...], more: dict[str, Any]
    ) -> None:
        lied, _, token = lent
        base = more.pop("base", token)
        parked = lied.notebook.home._half.parked["x"]
        lied.refuses(self.patch(base, *buffers, slots=slots, **more))
        assert parked.tolist() == [0.0] * 8
        assert lied.names["y"].tolist() == [0.0] * 8

    def test_the_same_slot_twice(self, lent: Any) -> None:
        lied, _, token = lent
        with pytest.raises(ProtocolError, match="each slot once"):
            lied.notebook.home.fetch(["x"], _Answering(self.patch(token, b"", b"", slots=(0, 0))))

    def test_two_patches_of_one_value(self, lent: Any) -> None:
        lied, _, token = lent
        one = self.patch(token, b"\1" * 64, slots=(0,))
        first = one.items[0]
        assert isinstance(first, Parcel)
        two = replace(first, token="there-2")
        lied.refuses(Answers((*one.items, two), one.chunks), "once")

    def test_read_only_memory_is_not_patched(self, lent: Any) -> None:
        lied, _, token = lent
        parked = lied.notebook.home._half.parked["x"]
        parked.flags.writeable = False
        lied.refuses(self.patch(token, b"\1" * 64, slots=(0,)))
        assert parked.tolist() == [0.0] * 8


class _Answering:
    """A peer with one answer."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def ask(self, ask: object) -> Answers:
        fields, blobs = self._answers.pack()
        return Answers.unpack(fields, [memoryview(bytes(b)) for b in blobs])


@numpy_too
def test_an_honest_machine_is_patched_in_place() -> None:
    """The untrusted way keeps what makes it quick: unchanged, and patches."""
    host = SameProcess()
    notebook = Coherent(host, trusted=False)
    notebook.here("import numpy as np\nbig = np.random.default_rng(0).random(400_000)")
    notebook.there("s = big.sum()")
    host.bytes = 0
    notebook.here("i = id(big)")
    assert host.bytes == 0
    notebook.there("big[9] = 2")
    out, error = notebook.here("print(big[9], id(big) == i)")
    assert (out, error) == ("2.0 True\n", "")
    assert host.bytes <= 3 * 256 * 1024
