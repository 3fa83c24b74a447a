"""What cannot travel is refused by name, with the reason and a next step, before the cell runs.

Every kind is tried both ways: made here and wanted there, made there and wanted here.
"""

from __future__ import annotations

import importlib.util

import pytest

from jupyter_remote_gpu.errors import CannotTravelError
from tests.state.hosts import OtherProcess
from tests.state.notebook import Coherent

PLACE = "it keeps its place inside running code"
READ = "it remembers how far it has been read"
FILE = "an open file belongs to the process that opened it"
WAITING = "it lets threads of one process wait for each other"
WORK = "runs in one process and cannot be moved"
RUNS = "it runs threads or processes of one process"
MEET = "threads or processes of one computer meet in it"
CONNECTION = "the connection it holds belongs to the process"
DATABASE = "the database connection behind it belongs to the process"
MEMORY = "it shows memory of this process"
LOOP = "it belongs to an event loop"
DIFFERS = "its value differs between tasks and threads"
WEAK = "it does not keep alive what it refers to"
TEMPORARY = "it owns a folder of its machine"
TRACE = "it belongs to code that runs, or ran"
WIDGET = "its live half is in the page"
DRAWS = "it draws where it was made"
COMPILED = "it is compiled code"
GPU = "it is a handle of the GPU driver"
GROUP = "it belongs to a group of processes that train together"
CLUSTER = "it is a handle of a cluster"
MODULE = "it was made by code, not imported"
KERNEL = "it belongs to the kernel it was made in"

KINDS: dict[str, tuple[str, str]] = {
    "generator": ("x = (i for i in range(3))", PLACE),
    "generator function's": ("def g():\n    yield 1\nx = g()", PLACE),
    "async generator": ("async def g():\n    yield 1\nx = g()", PLACE),
    "coroutine": ("async def g(): pass\nx = g()", "it is an async call that has not run yet"),
    "context manager of a generator": (
        "import contextlib\n@contextlib.contextmanager\ndef g():\n    yield\nx = g()",
        PLACE,
    ),
    "zip": ("x = zip([1], [2])", READ),
    "map": ("x = map(str, [1])", READ),
    "filter": ("x = filter(None, [1])", READ),
    "enumerate": ("x = enumerate([1])", READ),
    "reversed": ("x = reversed([1])", READ),
    "reversed range": ("x = reversed(range(3))", READ),
    "iter(list)": ("x = iter([1])", READ),
    "iter(tuple)": ("x = iter((1,))", READ),
    "iter(dict)": ("x = iter({1: 2})", READ),
    "iter(dict.items())": ("x = iter({1: 2}.items())", READ),
    "iter(set)": ("x = iter({1})", READ),
    "iter(str)": ("x = iter('ab')", READ),
    "iter(str) not ASCII": ("x = iter('é')", READ),
    "iter(bytes)": ("x = iter(b'ab')", READ),
    "iter(range)": ("x = iter(range(3))", READ),
    "iter(call, sentinel)": ("x = iter(int, 1)", READ),
    "iter(deque)": ("import collections\nx = iter(collections.deque([1]))", READ),
    **{
        f"itertools.{call.partition('(')[0]}": (f"import itertools\nx = itertools.{call}", READ)
        for call in (
            "accumulate([1])",
            "chain([1])",
            "combinations([1, 2], 1)",
            "combinations_with_replacement([1], 1)",
            "compress([1], [1])",
            "cycle([1])",
            "dropwhile(bool, [1])",
            "filterfalse(bool, [1])",
            "groupby([1])",
            "islice([1], 1)",
            "pairwise([1])",
            "permutations([1])",
            "product([1])",
            "repeat(1)",
            "starmap(max, [])",
            "takewhile(bool, [1])",
            "tee([1])[0]",
            "zip_longest([1])",
        )
    },
    "finditer": ("import re\nx = re.finditer('a', 'a')", READ),
    "match": ("import re\nx = re.match('a', 'a')", "Python cannot copy what a search has matched"),
    "csv reader": ("import csv\nx = csv.reader(['a'])", READ),
    "scandir": ("import os\nx = os.scandir('.')", READ),
    "text file": ("x = open('/dev/null')", FILE),
    "binary file": ("x = open('/dev/null', 'rb')", FILE),
    "raw file": ("x = open('/dev/null', 'rb', buffering=0)", FILE),
    "temporary file": ("import tempfile\nx = tempfile.NamedTemporaryFile()", FILE),
    "gzip file": ("import gzip, io\nx = gzip.GzipFile(fileobj=io.BytesIO(), mode='wb')", FILE),
    "zip file": ("import zipfile, io\nx = zipfile.ZipFile(io.BytesIO(), 'w')", FILE),
    "log handler": ("import logging\nx = logging.StreamHandler()", FILE),
    "temporary folder": ("import tempfile\nx = tempfile.TemporaryDirectory()", TEMPORARY),
    "lock": ("import threading\nx = threading.Lock()", WAITING),
    "rlock": ("import threading\nx = threading.RLock()", WAITING),
    "condition": ("import threading\nx = threading.Condition()", WAITING),
    "semaphore": ("import threading\nx = threading.Semaphore()", WAITING),
    "bounded semaphore": ("import threading\nx = threading.BoundedSemaphore()", WAITING),
    "event": ("import threading\nx = threading.Event()", WAITING),
    "barrier": ("import threading\nx = threading.Barrier(1)", WAITING),
    "process lock": ("import multiprocessing as mp\nx = mp.Lock()", WAITING),
    "thread": ("import threading\nx = threading.Thread()", WORK),
    "timer": ("import threading\nx = threading.Timer(9, int)", WORK),
    "thread local": ("import threading\nx = threading.local()", "each thread sees other contents"),
    "future": ("import concurrent.futures as f\nx = f.Future()", WORK),
    "process": ("import multiprocessing as mp\nx = mp.Process()", WORK),
    "child process": ("import subprocess\nx = subprocess.Popen('true')\nx.wait()", WORK),
    "thread executor": ("import concurrent.futures as f\nx = f.ThreadPoolExecutor(1)", RUNS),
    "process executor": ("import concurrent.futures as f\nx = f.ProcessPoolExecutor(1)", RUNS),
    "thread pool": ("from multiprocessing.pool import ThreadPool\nx = ThreadPool(1)", RUNS),
    "queue": ("import queue\nx = queue.Queue()", MEET),
    "simple queue": ("import queue\nx = queue.SimpleQueue()", MEET),
    "process queue": ("import multiprocessing as mp\nx = mp.SimpleQueue()", MEET),
    "pipe": ("import multiprocessing as mp\nx, y = mp.Pipe()", MEET),
    "socket": ("import socket\nx = socket.socket()", CONNECTION),
    "ssl context": ("import ssl\nx = ssl.create_default_context()", CONNECTION),
    "http connection": ("import http.client as h\nx = h.HTTPConnection('localhost')", CONNECTION),
    "url opener": ("import urllib.request as u\nx = u.build_opener()", CONNECTION),
    "requests session": ("import requests\nx = requests.Session()", CONNECTION),
    "urllib3 pool": ("import urllib3\nx = urllib3.PoolManager()", CONNECTION),
    "httpx client": ("import httpx\nx = httpx.Client()", CONNECTION),
    "httpx async client": ("import httpx\nx = httpx.AsyncClient()", CONNECTION),
    "sqlite connection": ("import sqlite3\nx = sqlite3.connect(':memory:')", DATABASE),
    "sqlite cursor": ("import sqlite3\nx = sqlite3.connect(':memory:').cursor()", DATABASE),
    "mapped memory": ("import mmap\nx = mmap.mmap(-1, 8)", MEMORY),
    "memoryview": ("x = memoryview(b'ab')", MEMORY),
    "event loop": ("import asyncio\nx = asyncio.new_event_loop()", LOOP),
    "async future": ("import asyncio\nx = asyncio.Future(loop=asyncio.new_event_loop())", LOOP),
    "async lock": ("import asyncio\nx = asyncio.Lock()", LOOP),
    "async queue": ("import asyncio\nx = asyncio.Queue()", LOOP),
    "context variable": ("import contextvars\nx = contextvars.ContextVar('x')", DIFFERS),
    "context": ("import contextvars\nx = contextvars.copy_context()", DIFFERS),
    "context token": ("import contextvars\nx = contextvars.ContextVar('x').set(1)", DIFFERS),
    "weak reference": ("import weakref\nclass A: pass\na = A()\nx = weakref.ref(a)", WEAK),
    "weak proxy": ("import weakref\nclass A: pass\na = A()\nx = [weakref.proxy(a)]", WEAK),
    "weak dictionary": ("import weakref\nx = weakref.WeakValueDictionary()", WEAK),
    "weak set": ("import weakref\nx = weakref.WeakSet()", WEAK),
    "finalizer": ("import weakref\nclass A: pass\na = A()\nx = weakref.finalize(a, int)", WEAK),
    "frame": ("import sys\nx = sys._getframe()", TRACE),
    "traceback": ("try: 1 / 0\nexcept Exception as e: x = e.__traceback__", TRACE),
    "made module": ("import types\nx = types.ModuleType('made')", MODULE),
    "tqdm bar": ("import tqdm, os\nx = tqdm.tqdm(range(3), file=open(os.devnull, 'w'))", DRAWS),
    "widget": ("import ipywidgets\nx = ipywidgets.IntSlider()", WIDGET),
    "box of widgets": ("import ipywidgets as w\nx = [w.HBox([w.Text()])]", WIDGET),
    "IPython's shell": (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "x = InteractiveShell.__new__(InteractiveShell)",
        KERNEL,
    ),
    "scripted module": (
        "import torch, warnings\nwarnings.simplefilter('ignore')\n"
        "x = torch.jit.trace(torch.nn.Linear(1, 1), torch.ones(1))",
        COMPILED,
    ),
    "loader's iterator": ("import torch\nx = iter(torch.utils.data.DataLoader([1]))", READ),
    "pandas chunks": (
        "import io, pandas\nx = pandas.read_csv(io.StringIO('a\\n1'), chunksize=1)",
        READ,
    ),
}
BY_NAME = {
    "pyspark.sql.session.SparkSession": CLUSTER,
    "pyspark.sql.dataframe.DataFrame": CLUSTER,
    "ray._raylet.ObjectRef": CLUSTER,
    "ray.actor.ActorHandle": CLUSTER,
    "distributed.client.Client": CLUSTER,
    "distributed.client.Future": CLUSTER,
    "sqlalchemy.engine.base.Engine": DATABASE,
    "psycopg2.extensions.connection": DATABASE,
    "pymongo.mongo_client.MongoClient": DATABASE,
    "redis.client.Redis": DATABASE,
    "botocore.client.BaseClient": CONNECTION,
    "aiohttp.client.ClientSession": CONNECTION,
    "h5py._hl.files.File": FILE,
    "torch.cuda.graphs.CUDAGraph": GPU,
    "torch.cuda.streams.Stream": GPU,
    "torch.nn.parallel.distributed.DistributedDataParallel": GROUP,
    "torch._C._distributed_c10d.ProcessGroup": GROUP,
}
CASES = {
    **KINDS,
    **{
        path: (
            f"import types\nx = types.new_class({path.rpartition('.')[2]!r})\n"
            f"x.__module__ = {path.rpartition('.')[0]!r}\nx = x()",
            reason,
        )
        for path, reason in BY_NAME.items()
    },
}
OPTIONAL = ("requests", "urllib3", "httpx", "tqdm", "ipywidgets", "torch", "pandas", "IPython")
CLOSED = (
    "for name in ('close', 'cleanup', 'shutdown', 'terminate'):\n    getattr(x, name, int)()\n"
    "getattr(x, 'get_loop', lambda: x)() is x or x.get_loop().close()\ndel x"
)


@pytest.fixture
def notebook(machine: OtherProcess) -> Coherent:
    machine.restart()
    return Coherent(machine)


def made(notebook: Coherent, source: str, *, remote: bool) -> None:
    """Run a cell that makes x; skip where a library is not installed."""
    for module in OPTIONAL:
        if module in source and importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    assert notebook.cell(source, remote=remote)[1] == ""


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore")
def test_made_here_and_wanted_there(notebook: Coherent, case: str) -> None:
    source, reason = CASES[case]
    made(notebook, source, remote=False)
    notebook.here("y = 1")
    with pytest.raises(CannotTravelError, match=r"cell was not sent. It needs x \([\w.]+\)") as e:
        notebook.there("y = 2\nprint(x)")
    assert reason in e.value.message
    assert e.value.where == "x"
    assert (e.value.hint or "").startswith("Run the cell here, or ")
    assert notebook.here("print(y)") == ("1\n", "")
    assert notebook.there("print(y)") == ("1\n", "")
    notebook.here(CLOSED)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore")
def test_made_there_and_wanted_here(notebook: Coherent, case: str) -> None:
    source, reason = CASES[case]
    made(notebook, f"{source}\ny = 1", remote=True)
    with pytest.raises(CannotTravelError, match=r"x \([\w.]+\) was made on gpu1 and can") as e:
        notebook.here("y = 2\nprint(x)")
    assert reason in e.value.message
    assert (e.value.hint or "").startswith("Use x in a %%remote_gpu cell, or ")
    assert notebook.here("print(y)") == ("1\n", "")
    assert notebook.there("x is None or print('there')") == ("there\n", "")


INSIDE = {
    "a list": ("x = [0, (i for i in ())]", r"x\[1\] is a generator, and it keeps its place"),
    "a dictionary": (
        "x = {'a': {'b': zip()}}",
        r"x\['a'\]\['b'\] is a zip, and it remembers",
    ),
    "an object": (
        "import threading\nclass T: pass\nx = T()\nx.inner = T()\nx.inner.lock = threading.Lock()",
        r"x\.inner\.lock is a _thread\.lock, and it lets threads",
    ),
    "a closure": (
        "def make(f):\n    return lambda: f\nx = make(open('/dev/null'))",
        r"f in x is a _io\.TextIOWrapper, and an open file",
    ),
    "a default": ("def x(f=iter([])): return f", r"a default of x is a list_iterator, and it"),
}


@pytest.mark.parametrize("case", INSIDE)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_holds_it_is_named_with_the_way_to_it(notebook: Coherent, case: str) -> None:
    source, message = INSIDE[case]
    made(notebook, source, remote=False)
    with pytest.raises(CannotTravelError, match=message):
        notebook.there("print(x)")
    notebook.here("f = x() if callable(x) else x\ngetattr(f, 'close', int)()")


def test_the_next_step_names_the_value() -> None:
    machine = OtherProcess()
    notebook = Coherent(machine)
    made(notebook, "x = {'it': map(str, [1])}", remote=False)
    with pytest.raises(CannotTravelError, match=r"such as x\['it'\] = list\(x\['it'\]\)"):
        notebook.there("print(x)")
    machine.close()


TRAVELS = {
    "keys of a dictionary": (
        "d = {'a': 1}\nx = d.keys()",
        "d['b'] = 2\nprint(list(x))",
        "['a', 'b']",
    ),
    "items of a dictionary": ("x = {'a': 1}.items()", "print(list(x))", "[('a', 1)]"),
    "read-only dictionary": (
        "import types\nx = types.MappingProxyType({1: 2})",
        "print(x)",
        "{1: 2}",
    ),
    "counter": (
        "import itertools\nx = itertools.count(3)\nnext(x)",
        "print(next(x), next(x))",
        "4 5",
    ),
    "counter in steps": (
        "import itertools\nx = itertools.count(1, 0.5)\nnext(x)",
        "print(next(x))",
        "1.5",
    ),
    "struct": ("import struct\nx = struct.Struct('<i')", "print(x.unpack(x.pack(7)))", "(7,)"),
    "text in memory": (
        "import io\nx = io.StringIO('ab')\nx.read(1)",
        "print(x.read())",
        "b",
    ),
    "logger": ("import logging\nx = logging.getLogger('mine')", "print(x.name)", "mine"),
    "standard output": (
        "import sys\ndef x(*words, to=sys.__stdout__): return to is sys.__stdout__",
        "print(callable(x))",
        "True",
    ),
    "code": ("def f(): return 7\nx = f.__code__", "print(eval(x))", "7"),
}


@pytest.mark.parametrize("case", TRAVELS)
@pytest.mark.parametrize("start", [0, 1])
def test_looks_like_it_stays_but_travels(notebook: Coherent, case: str, start: int) -> None:
    source, use, expected = TRAVELS[case]
    made(notebook, source, remote=bool(start))
    assert notebook.cell(use, remote=not start) == (expected + "\n", "")


def test_a_class_that_refuses_to_be_copied_says_why(notebook: Coherent) -> None:
    source = "class A:\n    def __reduce__(self): raise KeyError('secret')\nx = A()"
    made(notebook, source, remote=False)
    with pytest.raises(CannotTravelError, match=r"its class refused to be copied \(KeyError: 'se"):
        notebook.there("print(x)")


def test_a_class_made_in_a_function_comes_back_but_not_one_made_there(notebook: Coherent) -> None:
    source = "def make():\n    class Local:\n        n = 1\n    return Local()\nx = make()"
    made(notebook, source, remote=False)
    assert notebook.there("x.v = 5\nprint(x.n)") == ("1\n", "")
    assert notebook.here("print(x.v, type(x) is type(make()), x.n)") == ("5 False 1\n", "")
    made(notebook, "z = make()", remote=True)
    with pytest.raises(CannotTravelError, match=r"Local was made on the machine inside a functi"):
        notebook.here("print(z)")
