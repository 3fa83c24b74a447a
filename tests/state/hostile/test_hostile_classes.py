"""Classes typed in the notebook as gadgets: none of their methods may run while a value arrives."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.protocol.state import Definition
from tests.state.hostile.forge import Forge
from tests.state.hostile.liar import Lied, value

GADGETS = """
import enum, dataclasses
def say(what):
    called.append(what)
class Descriptor:
    def __get__(self, obj, cls=None): say('get')
    def __set__(self, obj, value): say('set')
    def __delete__(self, obj): say('delete')
    def __set_name__(self, owner, name): pass
class Meta(type):
    def __call__(cls, *a, **k): say('meta call')
    def __getattribute__(cls, name):
        if name not in ('__dict__', '__mro__', '__class__'): say('meta ' + name)
        return super().__getattribute__(name)
    def __setattr__(cls, name, value): say('meta set')
    def __instancecheck__(cls, obj): say('instancecheck')
    def __subclasscheck__(cls, obj): say('subclasscheck')
    def __hash__(cls): say('meta hash'); return 1
    def __eq__(cls, other): say('meta eq'); return True
class Base:
    def __init__(self, *a): say('init')
    def __new__(cls, *a): say('new')
    def __setstate__(self, state): say('setstate')
    def __getstate__(self): say('getstate')
    def __reduce__(self): say('reduce')
    def __reduce_ex__(self, protocol): say('reduce_ex')
    def __getnewargs_ex__(self): say('newargs')
    def __setattr__(self, name, value): say('setattr')
    def __getattribute__(self, name): say('getattribute ' + name)
    def __getattr__(self, name): say('getattr ' + name)
    def __delattr__(self, name): say('delattr')
    def __repr__(self): say('repr')
    def __bool__(self): say('bool')
    def __len__(self): say('len')
    def __iter__(self): say('iter')
    def __contains__(self, item): say('contains')
    def __call__(self, *a): say('call')
    def __copy__(self): say('copy')
    def __deepcopy__(self, memo): say('deepcopy')
    def __array__(self, *a): say('array')
    def __class_getitem__(cls, item): say('class_getitem')
    def __init_subclass__(cls, **k): pass
    def __index__(self): say('index')
    def __fspath__(self): say('fspath')
    def __lt__(self, other): say('lt')
    def __enter__(self): say('enter')
    prop = property(lambda self: say('prop'), lambda self, v: say('set prop'))
    desc = Descriptor()
class Odd(Base, metaclass=Meta):
    pass
class Finalized:
    def __del__(self): called.append('del')
class Inherits(Finalized):
    pass
class Hashed:
    def __hash__(self): say('hash'); return 1
    def __eq__(self, other): say('eq'); return True
class Listed(list):
    def __init__(self, *a): say('init')
    def append(self, x): say('append')
    def extend(self, x): say('extend')
    def __setitem__(self, k, v): say('setitem')
    def __iadd__(self, other): say('iadd')
class Mapped(dict):
    def __init__(self, *a): say('init')
    def __setitem__(self, k, v): say('setitem')
    def update(self, *a): say('update')
    def __missing__(self, k): say('missing')
class Word(str):
    def __new__(cls, *a): say('new')
    def __hash__(self): say('hash'); return 1
class Slotted:
    __slots__ = ('a', '__dict__')
    def __setattr__(self, name, value): say('setattr')
@dataclasses.dataclass(frozen=True)
class Point:
    x: object
class Lazy(Point):
    def __getattribute__(self, name): say('lazy ' + name); return 1
class Colour(enum.Enum):
    RED = 1
    @classmethod
    def _missing_(cls, value): say('missing')
class Oops(Exception):
    def __init__(self, *a): say('init')
called.clear()
"""


@pytest.fixture
def gadgets(lied: Lied) -> Lied:
    lied.typed(GADGETS)
    lied.ran()
    lied.called.clear()
    return lied


def instance(forge: Forge, name: str, *content: int, **attributes: int) -> int:
    """Make an instance of a class of the notebook with attributes and content."""
    made = forge.build("instance", forge.build("class named", name))
    pairs = [part for n, ref in attributes.items() for part in (forge.put(n), ref)]
    return forge.fill(made, forge.put(len(attributes)), forge.put(0), *pairs, *content)


@pytest.mark.parametrize("name", ["Base", "Odd", "Slotted", "Point", "Oops"])
def test_methods_do_not_run(gadgets: Lied, name: str) -> None:
    forge = Forge()
    found = instance(forge, name, prop=forge.put(1), desc=forge.put(2), x=forge.put(3))
    assert gadgets.answer(value(forge.head(found))) == ""
    assert gadgets.called == []
    made = gadgets.names["x"]
    assert type(made) is gadgets.names[name]
    assert object.__getattribute__(made, "__dict__") == {"prop": 1, "desc": 2, "x": 3}


@pytest.mark.parametrize("name", ["Listed", "Mapped"])
def test_containers_are_filled_by_their_built_in_base(gadgets: Lied, name: str) -> None:
    forge = Forge()
    found = instance(forge, name, forge.put("a"), forge.put(1))
    assert gadgets.answer(value(forge.head(found))) == ""
    assert gadgets.called == []
    made = gadgets.names["x"]
    assert (list(made) == ["a", 1]) if name == "Listed" else (dict(made) == {"a": 1})


@pytest.mark.parametrize("name", ["Finalized", "Inherits"])
def test_a_class_with_del_stays_there(gadgets: Lied, name: str) -> None:
    forge = Forge()
    gadgets.refuses(value(forge.head(instance(forge, name))), "__del__")


@pytest.mark.parametrize("name", ["Hashed", "Word", "Lazy"])
@pytest.mark.parametrize("place", ["dict", "set", "frozenset", "tuple", "content", "point"])
def test_typed_hashes_and_comparisons_do_not_run(gadgets: Lied, name: str, place: str) -> None:
    forge = Forge()
    if name == "Word":
        word = forge.build("class named", "Word")
        keys = [forge.build("instance", word, "a") for _ in range(2)]
    else:
        keys = [instance(forge, name) for _ in range(2)]
    if place == "dict":
        found = forge.dict(keys[0], forge.put(1), keys[1], forge.put(2))
    elif place == "set":
        found = forge.fill(forge.record(3), *keys)
    elif place == "frozenset":
        found = forge.record(4, *keys)
    elif place == "tuple":
        found = forge.dict(forge.tuple(forge.tuple(keys[0])), forge.put(1))
    elif place == "content":
        found = instance(forge, "Mapped", keys[0], forge.put(1))
    else:
        point = instance(forge, "Point", x=keys[0])
        found = forge.dict(point, forge.put(1))
    gadgets.refuses(value(forge.head(found)), "__hash__")


def test_generated_hashes_may_run(gadgets: Lied) -> None:
    forge = Forge()
    found = forge.dict(instance(forge, "Point", x=forge.put(3)), forge.put(1))
    assert gadgets.answer(value(forge.head(found))) == ""
    assert gadgets.names["x"] == {gadgets.names["Point"](3): 1}


@pytest.mark.parametrize("attribute", ["__class__", "__reduce_ex__", "__deepcopy__", "__dict__"])
def test_dunder_attributes_are_refused(gadgets: Lied, attribute: str) -> None:
    forge = Forge()
    found = instance(forge, "Point", **{attribute: forge.put(1)})
    gadgets.refuses(value(forge.head(found)), "plain names")


def test_enum_members_only_by_name(gadgets: Lied) -> None:
    for parts in ([1], ["BLUE"], ["mro"], ["__class__"], ["_missing_"]):
        forge = Forge()
        colour = forge.build("class named", "Colour")
        gadgets.refuses(value(forge.head(forge.build("member", colour, *parts))))
    forge = Forge()
    colour = forge.build("class named", "Colour")
    gadgets.refuses(value(forge.head(forge.build("instance", colour))), "Colour")


@pytest.mark.parametrize(
    ("tag", "parts"),
    [
        ("class listed", ("os", "system")),
        ("class listed", ("subprocess", "Popen")),
        ("class listed", ("builtins", "eval")),
        ("class listed", ("builtins", "memoryview")),
        ("class listed", ("types", "FunctionType")),
        ("class listed", ("types", "CodeType")),
        ("class listed", ("functools", "partial")),
        ("class listed", ("torch.nn.modules.module", "os")),
        ("class listed", ("torch.nn.modules.module", "Module.forward")),
        ("class listed", ("torch.nn.modules.container", "warnings")),
        ("class listed", ("torch.nn.modules.linear.os", "path")),
        ("class listed", ("torch.optim.adam", "torch")),
        ("class listed", ("antigravity", "Popen")),
        ("class of the project", ("subprocess", "Popen")),
        ("class of the project", ("antigravity", "x")),
        ("class of the project", ("__main__", "Base")),
        ("class named", ("print",)),
        ("class named", ("__builtins__", "eval")),
        ("class named", ("say",)),
        ("class named", ("Base", "prop", "fget")),
        ("class named", ("enum", "Enum")),
        ("class named", ("dataclasses",)),
        ("class named", ("In",)),
        ("class made", ("0:1", "Base")),
        ("class made", ("x", "Base", "__init__")),
        ("function listed", ("os", "system")),
        ("function listed", ("builtins", "eval")),
        ("function listed", ("builtins", "getattr")),
        ("function listed", ("builtins", "open")),
        ("function listed", ("builtins", "print")),
        ("function listed", ("torch.hub", "load")),
        ("function listed", ("numpy", "load")),
        ("function listed", ("math", "__loader__")),
        ("function of the project", ("os", "system")),
        ("function of the project", ("__main__", "say")),
        ("function named", ("print",)),
        ("function named", ("dataclasses",)),
        ("function named", ("__builtins__",)),
        ("function named", ("Base",)),
        ("function named", ("enum.Enum",)),
        ("function", ("0" * 32, 0, "say", 3, 0)),
        ("torch name", ("load",)),
        ("torch name", ("os",)),
        ("torch name", ("ops",)),
        ("result", ("os",)),
        ("device", ("cuda:0; import os",)),
        ("zone", ("../../etc/passwd",)),
        ("zone", ("antigravity",)),
        ("zone", ("/etc/passwd",)),
        ("element", ("O",)),
        ("element", ("V9999999999999",)),
        ("element", ("i4,O",)),
        ("element", ("os.system",)),
        ("path", ("os", "a")),
        ("bits", ("os", None, 1, 2)),
        ("missing", ("os",)),
        ("image", ("os", 1, 1, b"x", None)),
        ("made up", ("os",)),
        ("", ()),
    ],
)
def test_what_is_not_on_a_list_is_refused(
    gadgets: Lied, tag: str, parts: tuple[object, ...]
) -> None:
    forge = Forge()
    gadgets.refuses(value(forge.head(forge.build(tag, *parts))))


@pytest.mark.parametrize("kind", ["type", "object"])
def test_built_in_classes_are_references_only(gadgets: Lied, kind: str) -> None:
    forge = Forge()
    meta = forge.build("class listed", "builtins", "type")
    if kind == "type":
        parts = (meta, "X", forge.tuple(), forge.dict())
        gadgets.refuses(value(forge.head(forge.build("instance", *parts))))
    forge = Forge()
    cls = forge.build("class listed", "builtins", "object")
    gadgets.refuses(value(forge.head(forge.fill(forge.build("instance", cls), cls))))


def test_code_is_that_of_functions_as_they_were_typed(gadgets: Lied) -> None:
    cells = gadgets.notebook.hub.notebook.cells
    ident = next(c.ident for c in cells._by_number.values() if "class Meta" in c.source)
    for place in [
        (ident, 0, "say", 4, 0),  # another line
        (ident, 0, "Base", 23, 0),  # the body of a class
        (ident, 0, "<lambda>", 1, 0),
        (ident, 0, "say", 3, 99),
        (ident, 0, "say", 3, -1),
        (ident, 1 << 10, "say", 3, 0),  # flags of the compiler
        (ident, 0, "<module>", 1, 0),
        ("x", 0, "say", 3, 0),
        (ident, 0, 5, 3, 0),
    ]:
        forge = Forge()
        gadgets.refuses(value(forge.head(forge.build("function", *place))))


@pytest.mark.parametrize(
    "parts",
    [
        ("partial", "not callable", 0),
        ("partial", -1, 99),
        ("partial", -1, 0, "a"),
        ("partial", -1, 0, 5, 5),
        ("method", -1, None),
        ("method", "f", "x"),
        ("built-in method", "text", "__class__"),
        ("built-in method", 5, "bit_length"),
        ("built-in method", "text", "format_map"),
    ],
)
def test_callables_are_checked(gadgets: Lied, parts: tuple[object, ...]) -> None:
    forge = Forge()
    forge.build("function named", "say")
    gadgets.refuses(value(forge.head(forge.build(str(parts[0]), *parts[1:]))))


def test_partials_do_not_nest(gadgets: Lied) -> None:
    """Python joins their arguments: many in each other would take all memory."""
    forge = Forge()
    inner = forge.build("partial", forge.build("function named", "say"), 0)
    gadgets.refuses(value(forge.head(forge.build("partial", inner, 0))), "partial")


@pytest.mark.parametrize(
    "definition",
    [
        Definition("x", "1:1", 2),
        Definition("x", "1:x", 1),
        Definition("x", "99999:1", 99999),
        Definition("y", "1:1", 1),
    ],
)
def test_only_typed_definitions_run(gadgets: Lied, definition: Definition) -> None:
    forge = Forge()
    head = forge.raw(forge.tuple(forge.dict(), forge.dict()))
    gadgets.refuses(value(head, definitions=(definition,)))


def test_a_statement_that_calls_something_does_not_run_again(gadgets: Lied) -> None:
    gadgets.typed("def effect(*a): called.append('effect')\nx1 = effect(1)\ncalled.clear()")
    gadgets.ran("x = effect(2)")
    gadgets.called.clear()
    cells = gadgets.notebook.hub.notebook.cells
    forge = Forge()
    head = forge.raw(forge.tuple(forge.dict(), forge.dict()))
    for cell in list(cells._by_number.values()):
        for line in (1, 2):
            for name in ("x", "x1"):
                own = Definition(name, f"{cell.number}:{line}", cell.number, bound=name == "x")
                gadgets.refuses(value(head, definitions=(own,)))


def test_the_data_of_classes_is_set_without_their_metaclass(gadgets: Lied) -> None:
    for names in (("Base",), ("Odd",)):
        forge = Forge()
        data = forge.dict(forge.put("counter"), forge.put(5))
        overlays = forge.dict(forge.put(names[0]), data)
        plain = forge.dict(forge.put("x"), forge.put(1))
        gadgets.refuses(value(forge.raw(forge.tuple(plain, overlays))), "classes")


def test_arriving_values_are_not_pickled_by_their_own_code(gadgets: Lied) -> None:
    """To remember a version home pickles what came; not if that would run typed code."""
    forge = Forge()
    listed = forge.list()
    forge.fill(listed, instance(forge, "Base", x=forge.put(1)), instance(forge, "Odd"))
    assert gadgets.answer(value(forge.head(listed))) == ""
    assert gadgets.called == []
    assert gadgets.notebook.home._half.versions.of("x") is None
