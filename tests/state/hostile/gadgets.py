"""Pickles as attackers write them: the functions that public advisories name, in every opcode form.

Written anew from the descriptions; each, loaded by `pickle.loads`, would call
the function it names. The tests feed them as heads, as ambient state and as
the content of arrays, and nothing may happen.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Iterator

# module, dotted name: what scanners missed at one time or another, and the old ones
CALLED = [
    ("os", "system"),
    ("posix", "system"),
    ("nt", "system"),
    ("subprocess", "Popen"),
    ("subprocess", "check_output"),
    ("_posixsubprocess", "fork_exec"),
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "compile"),
    ("builtins", "__import__"),
    ("builtins", "getattr"),
    ("builtins", "open"),
    ("__builtin__", "eval"),
    ("importlib", "import_module"),
    ("importlib", "reload"),
    ("runpy", "run_path"),
    ("runpy", "_run_code"),
    ("code", "InteractiveInterpreter.runcode"),
    ("codeop", "compile_command"),
    ("pty", "spawn"),
    ("pdb", "run"),
    ("bdb", "Bdb.run"),
    ("profile", "run"),
    ("profile", "Profile.runctx"),
    ("cProfile", "run"),
    ("cProfile", "runctx"),
    ("trace", "Trace.runctx"),
    ("timeit", "timeit"),
    ("timeit", "main"),
    ("doctest", "debug_script"),
    ("pydoc", "pipepager"),
    ("pydoc", "locate"),
    ("webbrowser", "open"),
    ("venv", "create"),
    ("ensurepip", "_run_pip"),
    ("pip", "main"),
    ("pip._internal.cli.main", "main"),
    ("pkgutil", "resolve_name"),
    ("pickle", "loads"),
    ("_pickle", "loads"),
    ("marshal", "loads"),
    ("types", "CodeType"),
    ("types", "FunctionType"),
    ("shelve", "open"),
    ("dill", "loads"),
    ("cloudpickle", "loads"),
    ("joblib", "load"),
    ("functools", "partial"),
    ("functools", "reduce"),
    ("operator", "attrgetter"),
    ("operator", "itemgetter"),
    ("operator", "methodcaller"),
    ("_operator", "methodcaller"),
    ("itertools", "starmap"),
    ("weakref", "finalize"),
    ("atexit", "register"),
    ("threading", "Thread"),
    ("_thread", "start_new_thread"),
    ("signal", "signal"),
    ("sys", "settrace"),
    ("gc", "get_objects"),
    ("ctypes", "CDLL"),
    ("ctypes", "PyDLL"),
    ("_ctypes", "dlopen"),
    ("socket", "create_connection"),
    ("http.client", "HTTPConnection"),
    ("urllib.request", "urlopen"),
    ("ftplib", "FTP"),
    ("smtplib", "SMTP"),
    ("ssl", "get_server_certificate"),
    ("asyncio.unix_events", "_UnixSubprocessTransport._start"),
    ("asyncio", "run"),
    ("multiprocessing.util", "spawnv_passfds"),
    ("shutil", "rmtree"),
    ("shutil", "move"),
    ("tempfile", "TemporaryDirectory"),
    ("zipimport", "zipimporter"),
    ("linecache", "getlines"),
    ("logging.config", "dictConfig"),
    ("logging.config", "_resolve"),
    ("distutils.file_util", "write_file"),
    ("_io", "FileIO"),
    ("io", "open_code"),
    ("idlelib.run", "Executive.runcode"),
    ("idlelib.pyshell", "ModifiedInterpreter.runcommand"),
    ("idlelib.calltip", "Calltip.fetch_tip"),
    ("lib2to3.pgen2.grammar", "Grammar.loads"),
    ("lib2to3.pgen2.pgen", "ParserGenerator.make_label"),
    ("numpy.f2py.crackfortran", "getlincoef"),
    ("numpy.f2py.crackfortran", "_eval_length"),
    ("numpy.testing._private.utils", "runstring"),
    ("numpy", "load"),
    ("numpy", "memmap"),
    ("pandas", "read_pickle"),
    ("pandas.core.computation.eval", "eval"),
    ("torch", "load"),
    ("torch.serialization", "load"),
    ("torch.storage", "_load_from_bytes"),
    ("torch.hub", "load"),
    ("torch.utils.collect_env", "run"),
    ("torch.utils.bottleneck.__main__", "run_cprofile"),
    ("torch.utils.bottleneck.__main__", "run_autograd_prof"),
    ("torch.utils._config_module", "ConfigModule.load_config"),
    ("torch.utils.data.datapipes.utils.decoder", "basichandlers"),
    ("torch.jit.unsupported_tensor_ops", "execWrapper"),
    ("torch.jit", "load"),
    ("torch._dynamo.guards", "GuardBuilder.get"),
    ("torch._inductor.codecache", "compile_file"),
    ("torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression"),
    ("torch.distributed.rpc.internal", "_run_function"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("sklearn.utils._testing", "create_memmap_backed_data"),
    ("IPython", "get_ipython"),
    ("IPython.utils.process", "system"),
    ("jupyter_remote_gpu.state.pickling", "code_from_bytes"),
    ("jupyter_remote_gpu.state.pickling", "named"),
    ("__main__", "get_ipython"),
    ("__main__", "canary"),
]
_COMMAND = "touch canary"


def pickles() -> Iterator[tuple[str, bytes]]:
    """Yield (what it would call and how, the pickle) for every function and form."""
    for module, name in CALLED:
        for form in (_reduce, _stack_global, _inst, _obj, _newobj, _built):
            yield f"{module}.{name} by {form.__name__}", form(module, name, _COMMAND)
    yield "nested", pickle.dumps(_stack_global("os", "system", _COMMAND))
    yield "a persistent id", b"\x80\x04Pos.system\n."
    yield "an extension", b"\x80\x04\x82\x01."
    yield "a broken end", _reduce("os", "system", _COMMAND)[:-1] + b"\xff\xff"
    yield "a memo that is not there", b"\x80\x04h\x7f."
    yield "many frames", b"\x80\x04" + b"\x95" + struct.pack("<Q", 1 << 60) + b"N."
    yield "a huge text", b"\x80\x04\x8d" + struct.pack("<Q", 1 << 60) + b"x."
    yield "a huge buffer", b"\x80\x05\x96" + struct.pack("<Q", 1 << 60) + b"x."
    yield "a buffer from outside", b"\x80\x05\x97\x98."
    yield "nested lists", b"\x80\x04" + b"](" * 100_000 + b"N" + b"e" * 100_000 + b"."


def _text(text: str) -> bytes:
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _reduce(module: str, name: str, argument: str) -> bytes:
    """GLOBAL, then REDUCE on a tuple."""
    return f"\x80\x02c{module}\n{name}\n".encode("latin-1") + _text(argument) + b"\x85R."


def _stack_global(module: str, name: str, argument: str) -> bytes:
    """The names as texts, which may come from anywhere, then STACK_GLOBAL."""
    return b"\x80\x04" + _text(module) + _text(name) + b"\x93" + _text(argument) + b"\x85R."


def _inst(module: str, name: str, argument: str) -> bytes:
    """INST: the function named after its arguments."""
    return b"(" + _text(argument) + f"i{module}\n{name}\n.".encode("latin-1")


def _obj(module: str, name: str, argument: str) -> bytes:
    """OBJ: the function on the stack below its arguments."""
    return f"(c{module}\n{name}\n".encode("latin-1") + _text(argument) + b"o."


def _newobj(module: str, name: str, argument: str) -> bytes:
    """NEWOBJ: `__new__` of what is named."""
    return f"\x80\x02c{module}\n{name}\n".encode("latin-1") + _text(argument) + b"\x85\x81."


def _built(module: str, name: str, argument: str) -> bytes:
    """BUILD: the state of an object set through what is named."""
    return (
        b"\x80\x02c__main__\nGadget\n)\x81"
        + b"}"
        + _text("__setstate__")
        + f"c{module}\n{name}\n".encode("latin-1")
        + b"sb"
        + _text(argument)
        + b"b."
    )
