"""What cannot leave the process it was made in: by type, why, and what to do instead.

Types are named by module and class, so that no library is imported to know it;
a type is pinned if one of its base classes is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Pin:
    """Why values of some types stay: `reason` follows "because", `advice` follows "or"."""

    reason: str
    advice: str
    types: str

    def paths(self) -> Iterator[str]:
        """Yield the full names of its types; `module:A B` stands for module.A and module.B."""
        module = ""
        for word in self.types.split():
            prefix, colon, name = word.rpartition(":")
            module = prefix if colon else module
            yield f"{module}.{name}"


_PINS = (
    Pin(
        "it keeps its place inside running code, and a copy would not know where to go on",
        "make a list of it first, such as {x} = list({x}), or create it in the cell that uses it",
        "builtins:generator async_generator async_generator_asend async_generator_athrow",
    ),
    Pin(
        "it is an async call that has not run yet, and what it would do cannot be copied",
        "await it where it was made and use the result",
        "builtins:coroutine coroutine_wrapper",
    ),
    Pin(
        "it remembers how far it has been read, and two copies would not agree on that",
        "make a list of it first, such as {x} = list({x}), or create it in the cell that uses it",
        "builtins:zip map filter enumerate reversed list_iterator list_reverseiterator "
        "tuple_iterator range_iterator longrange_iterator set_iterator str_iterator "
        "str_ascii_iterator bytes_iterator bytearray_iterator dict_keyiterator dict_valueiterator "
        "dict_itemiterator dict_reversekeyiterator dict_reversevalueiterator "
        "dict_reverseitemiterator callable_iterator iterator memory_iterator "
        "itertools:accumulate batched chain combinations combinations_with_replacement compress "
        "cycle dropwhile filterfalse groupby _grouper islice pairwise permutations product repeat "
        "starmap takewhile zip_longest _tee _tee_dataobject "
        "collections:_deque_iterator _collections:_deque_iterator odict_iterator:odict_iterator "
        "re:callable_iterator _sre:SRE_Scanner _csv:reader writer csv:DictReader DictWriter "
        "posix:ScandirIterator pandas.io.parsers.readers:TextFileReader "
        "torch.utils.data.dataloader:_BaseDataLoaderIter",
    ),
    Pin(
        "an open file belongs to the process that opened it",
        "read what you need from it first, or open the file in the cell that uses it",
        "_io:_IOBase tempfile:_TemporaryFileWrapper SpooledTemporaryFile zipfile:ZipFile "
        "tarfile:TarFile h5py._hl.files:File h5py._hl.group:Group h5py._hl.dataset:Dataset "
        "netCDF4._netCDF4:Dataset shelve:Shelf fileinput:FileInput logging:Handler",
    ),
    Pin(
        "it lets threads of one process wait for each other",
        "create it in the cell that uses it",
        "_thread:lock RLock threading:_RLock Condition Semaphore Event Barrier "
        "multiprocessing.synchronize:SemLock Condition Event Barrier",
    ),
    Pin(
        "each thread sees other contents in it",
        "keep what you need of it in an ordinary variable",
        "threading:local _thread:_local",
    ),
    Pin(
        "the work it stands for runs in one process and cannot be moved",
        "wait for its result where it runs and use that",
        "threading:Thread _thread:_ThreadHandle concurrent.futures._base:Future "
        "multiprocessing.pool:ApplyResult IMapIterator multiprocessing.process:BaseProcess "
        "subprocess:Popen asyncio.subprocess:Process joblib.parallel:BatchCompletionCallBack",
    ),
    Pin(
        "it runs threads or processes of one process",
        "create it in the cell that uses it",
        "concurrent.futures._base:Executor multiprocessing.pool:Pool "
        "multiprocessing.managers:BaseManager BaseProxy socketserver:BaseServer",
    ),
    Pin(
        "threads or processes of one computer meet in it",
        "take what is in it out into a list first",
        "queue:Queue LifoQueue _queue:SimpleQueue multiprocessing.queues:Queue SimpleQueue "
        "multiprocessing.connection:_ConnectionBase "
        "multiprocessing.shared_memory:SharedMemory ShareableList",
    ),
    Pin(
        "the connection it holds belongs to the process that opened it",
        "fetch the data with it first, or connect in the cell that uses it",
        "socket:socket _socket:socket _ssl:_SSLSocket _SSLContext ssl:SSLObject SSLContext "
        "http.client:HTTPConnection HTTPResponse requests.sessions:Session "
        "requests.adapters:BaseAdapter urllib.request:OpenerDirector "
        "urllib3._request_methods:RequestMethods urllib3.connectionpool:ConnectionPool "
        "urllib3.poolmanager:PoolManager httpx._client:BaseClient aiohttp.client:ClientSession "
        "smtplib:SMTP imaplib:IMAP4 ftplib:FTP paramiko.client:SSHClient "
        "botocore.client:BaseClient websockets.connection:Connection selectors:BaseSelector "
        "zmq.sugar.socket:Socket zmq.sugar.context:Context grpc:Channel grpc._channel:Channel "
        "openai._base_client:BaseClient anthropic._base_client:BaseClient",
    ),
    Pin(
        "the database connection behind it belongs to the process that opened it",
        "read the rows you need into a list or a DataFrame first",
        "sqlite3:Connection Cursor Blob psycopg2.extensions:connection cursor "
        "psycopg:Connection AsyncConnection Cursor pymysql.connections:Connection "
        "sqlalchemy.engine.base:Engine Connection sqlalchemy.orm.session:Session "
        "duckdb:DuckDBPyConnection DuckDBPyRelation _duckdb:DuckDBPyConnection DuckDBPyRelation "
        "duckdb.duckdb:DuckDBPyConnection DuckDBPyRelation pymongo.synchronous.mongo_client:"
        "MongoClient pymongo.mongo_client:MongoClient redis.client:Redis "
        "google.cloud.bigquery.client:Client snowflake.connector.connection:SnowflakeConnection",
    ),
    Pin(
        "it shows memory of this process, or a file mapped into it",
        "copy what it shows first, such as data = bytes({x})",
        "mmap:mmap builtins:memoryview",
    ),
    Pin(
        "it belongs to an event loop, which runs in one process",
        "await what you need from it first, or create it in the cell that uses it",
        "asyncio.events:AbstractEventLoop Handle _asyncio:Future Task asyncio.futures:Future "
        "asyncio.tasks:Task asyncio.locks:Lock Event Condition Semaphore Barrier "
        "asyncio.queues:Queue asyncio.streams:StreamReader StreamWriter asyncio.runners:Runner "
        "asyncio.taskgroups:TaskGroup",
    ),
    Pin(
        "its value differs between tasks and threads of one process",
        "keep the value itself in an ordinary variable, such as value = {x}.get()",
        "_contextvars:ContextVar Token Context",
    ),
    Pin(
        "it does not keep alive what it refers to, so a copy would refer to nothing",
        "use the object itself, or an ordinary dictionary or set",
        "builtins:weakref weakproxy weakcallableproxy weakref:ReferenceType ProxyType "
        "CallableProxyType weakref:ref WeakMethod KeyedRef finalize WeakValueDictionary "
        "WeakKeyDictionary _weakrefset:WeakSet",
    ),
    Pin(
        "it owns a folder of its machine and removes it at its end",
        "read the files you need first, or create it in the cell that uses it",
        "tempfile:TemporaryDirectory",
    ),
    Pin(
        "it belongs to code that runs, or ran, in this process",
        "keep the text you need of it, such as traceback.format_exc()",
        "builtins:frame traceback",
    ),
    Pin(
        "its live half is in the page that this notebook's kernel talks to",
        "keep its value in a variable first, such as v = {x}.value",
        "ipywidgets.widgets.widget:Widget anywidget.widget:AnyWidget comm.base_comm:BaseComm",
    ),
    Pin(
        "it draws where it was made",
        "create it in the cell that uses it",
        "tqdm.std:tqdm rich.progress:Progress rich.live:Live fastprogress.fastprogress:ProgressBar",
    ),
    Pin(
        "it is compiled code, which only the process that compiled it can run",
        "send the module it was compiled from and compile it in the cell that uses it",
        "torch.jit._script:ScriptModule RecursiveScriptModule ScriptFunction "
        "torch.jit:torch.jit.ScriptFunction "
        "torch._C:ScriptFunction ScriptModule torch.export.exported_program:ExportedProgram "
        "torch.fx.experimental.proxy_tensor:PythonKeyTracer",
    ),
    Pin(
        "it belongs to the kernel it was made in",
        "call get_ipython() in the cell that uses it",
        "IPython.core.interactiveshell:InteractiveShell ipykernel.kernelbase:Kernel",
    ),
    Pin(
        "Python cannot copy what a search has matched",
        "keep the text you need of it, such as found = {x}.group()",
        "re:Match",
    ),
    Pin(
        "it is a handle of the GPU driver and means nothing in another process",
        "create it in the cell that uses it",
        "torch.cuda.streams:Stream Event torch.cuda.graphs:CUDAGraph torch:Stream Event "
        "torch._C:_CudaStreamBase _CudaEventBase _CUDAGraph cupy.cuda.stream:Stream Event",
    ),
    Pin(
        "it belongs to a group of processes that train together",
        "use the module inside it ({x}.module), or set the group up in the cell that uses it",
        "torch.nn.parallel.distributed:DistributedDataParallel "
        "torch.distributed.fsdp.fully_sharded_data_parallel:FullyShardedDataParallel "
        "torch._C._distributed_c10d:ProcessGroup Work Store torch.distributed.device_mesh:"
        "DeviceMesh torch.distributed.tensor:DTensor torch.distributed.tensor._api:DTensor",
    ),
    Pin(
        "it is a handle of a cluster that this process is connected to",
        "bring the data into a DataFrame or a list first, or connect in the cell that uses it",
        "pyspark.sql.session:SparkSession pyspark.core.context:SparkContext "
        "pyspark.context:SparkContext pyspark.sql.dataframe:DataFrame pyspark.core.rdd:RDD "
        "pyspark.rdd:RDD pyspark.sql.classic.dataframe:DataFrame "
        "pyspark.sql.connect.session:SparkSession pyspark.sql.connect.dataframe:DataFrame "
        "ray._raylet:ObjectRef ray:ObjectRef ray.actor:ActorHandle ray.data.dataset:Dataset "
        "distributed.client:Client Future distributed.deploy.cluster:Cluster "
        "distributed.actor:Actor",
    ),
)
_BY_PATH = {path: pin for pin in _PINS for path in pin.paths()}
_TRAVELS = frozenset({"_io.BytesIO", "_io.StringIO"})


@lru_cache(maxsize=4096)
def _pin(kind: type) -> Pin | None:
    for base in kind.__mro__:
        path = f"{base.__module__}.{base.__qualname__}"
        if path in _TRAVELS:
            return None
        pin = _BY_PATH.get(path)
        if pin is not None:
            return pin
    return None


def pinned_reason(kind: type) -> str:
    """Say why objects of this type cannot leave their process; empty if they can."""
    pin = _pin(kind)
    return pin.reason if pin is not None else ""


def advice_for(reason: str, name: str) -> str:
    """Say what to do instead of sending `name`, which cannot be sent for `reason`."""
    for pin in _PINS:
        if pin.reason in reason:
            path, inside, _ = reason.partition(" is a ")
            return pin.advice.format(x=path if inside and path.startswith(name) else name)
    return "take the data you need out of it first (a list, an array, a DataFrame)"
