"""Our part of a kernel and the user's packages: neither gets the other's."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from jupyter_remote_gpu.session.place import Workspace
from jupyter_remote_gpu.transport.local import LocalTransport
from tests.agent.building import Builder, lock_of
from tests.session.recording import Bench

OTHERS = {
    "blake3": "1.0.4",
    "cloudpickle": "3.0.0",
    "ipykernel": "6.29.5",
    "pyzmq": "26.2.0",
    "traitlets": "5.14.3",
    "xxhash": "3.5.0",
}
"""Versions that are not the agent's."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A notebook whose environment has other versions, one of them broken."""
    builder = Builder(tmp_path_factory.mktemp("base"))
    cache = tmp_path_factory.mktemp("cache")
    built = builder.build(lock_of(cache, *(f"{n}=={v}" for n, v in OTHERS.items())))
    (broken,) = Path(built["python"]).parents[1].glob("lib/*/site-packages/blake3/__init__.py")
    broken.unlink()  # a link into the cache
    broken.write_text("raise ImportError('this blake3 is broken')")
    place = Workspace("n", built["folder"], built["python"], name="w")
    found = Bench(LocalTransport(builder.home), Path(built["folder"]), place=place)
    yield found
    found.close()
    builder.close()


def test_the_user_gets_his_versions(bench: Bench) -> None:
    names = [name for name in OTHERS if name != "blake3"]
    assert all(metadata.version(name) != OTHERS[name] for name in names)
    modules = [{"pyzmq": "zmq"}.get(name, name) for name in names]
    code = f"import {', '.join(modules)}\nprint(" + ", ".join(
        "xxhash.VERSION" if m == "xxhash" else f"{m}.__version__" for m in modules
    )
    assert bench.remote(f"{code})").error is None
    assert bench.front_end.text().split() == [OTHERS[name] for name in names]


def test_a_broken_module_of_the_users_is_his_own_error(bench: Bench) -> None:
    outcome = bench.remote("import blake3")
    assert outcome.error is not None
    assert outcome.error["value"] == "this blake3 is broken"


def test_names_and_values_move_all_the_same(bench: Bench) -> None:
    bench.remote("def twice(x): return 2 * x\nclass A: pass\na = A(); a.b = bytes(3_000_000)")
    assert bench.remote("a.b = twice(a.b)\nn = len(a.b)").error is None
    bench.session.fetch(["n", "a"])
    assert (bench.names["n"], len(bench.names["a"].b)) == (6_000_000, 6_000_000)


def test_what_only_we_have_is_behind_everything_of_the_users(bench: Bench) -> None:
    code = "import sys\nprint([i for i, p in enumerate(sys.path) if 'kernel_parts' in p])"
    bench.remote(f"{code}\nprint(len(sys.path))")
    places, count = bench.front_end.text().split()
    assert int(places.strip("[]")) >= int(count) - 2
