"""Which global names a function body, lambda or expression uses, by Python's scoping rules."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(slots=True)
class Uses:
    """Global names `reads` and, through `global` statements, `binds`; `calls` seen on the way.

    `looks` are the names whose being bound is asked, as in `'x' in globals()`.
    """

    reads: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    looks: set[str] = field(default_factory=set)
    calls: list[ast.Call] = field(default_factory=list)
    walrus: dict[str, tuple[int, int]] = field(default_factory=dict)


def function_uses(node: FunctionNode, enclosing: frozenset[str] = frozenset()) -> Uses:
    """Return what running the body of `node` reads and binds outside of it."""
    body = node.body if isinstance(node.body, list) else [node.body]
    scope = _Scope(_parameters(node))
    for part in body:
        scope.visit(part)
    return scope.resolve(enclosing)


def expression_uses(nodes: Iterable[ast.AST]) -> Uses:
    """Return what evaluating `nodes` in the module's scope reads, lambdas counted as called."""
    scope = _Scope(set(), module=True)
    for node in nodes:
        scope.visit(node)
    uses = scope.resolve(frozenset())
    for name, position in scope.walrus.items():
        # `(n := f())` binds n before later parts of the same expression use it
        if all(where >= position for where in scope.positions.get(name, ())):
            uses.reads.discard(name)
    uses.walrus = scope.walrus
    return uses


def bound_names(target: ast.AST) -> set[str]:
    """Return the names that a target, pattern or statement binds, not entering functions."""
    names: set[str] = set()
    stack = [target]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef, *_COMPREHENSIONS)):
            stack.extend(ast.iter_child_nodes(node))
    return names


def _parameters(node: FunctionNode) -> set[str]:
    args = node.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return {a.arg for a in every if a is not None}


def _executed_at_definition(node: FunctionNode) -> list[ast.AST]:
    """Return the parts of a function that run when it is defined, not when it is called."""
    parts: list[ast.AST] = [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]
    if not isinstance(node, ast.Lambda):
        parts += [*node.decorator_list, *([node.returns] if node.returns else [])]
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        parts += [a.annotation for a in every if a.annotation]
    return parts


class _Scope(ast.NodeVisitor):
    """Collects one function's own loads and stores; nested scopes are resolved afterwards."""

    def __init__(self, parameters: set[str], module: bool = False) -> None:
        self.local = parameters
        self.module = module
        self.loads: set[str] = set()
        self.positions: dict[str, list[tuple[int, int]]] = {}
        self.looks: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.walrus: dict[str, tuple[int, int]] = {}
        self.calls: list[ast.Call] = []
        self.inner: list[tuple[FunctionNode, frozenset[str]]] = []
        self.hidden: tuple[frozenset[str], ...] = ()  # targets of comprehensions around this point

    def resolve(self, enclosing: frozenset[str]) -> Uses:
        local = frozenset() if self.module else frozenset(self.local - self.globals)
        visible = (enclosing | local) - self.globals
        reads = {n for n in self.loads if n not in visible}
        uses = Uses(reads, looks=self.looks, calls=self.calls)
        if not self.module:
            uses.binds = self.globals & self.local
        for node, hidden in self.inner:
            below = function_uses(node, visible | hidden)
            uses.reads |= below.reads
            uses.binds |= below.binds
            uses.looks |= below.looks
            uses.calls += below.calls
        return uses

    def _hidden(self, name: str) -> bool:
        return any(name in names for names in self.hidden)

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.local.add(node.id)
        elif not self._hidden(node.id):
            self.loads.add(node.id)
            where = (node.lineno, node.col_offset)
            self.positions.setdefault(node.id, []).append(where)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.loads.add(node.target.id)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.local.add(node.target.id)
        end = (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
        self.walrus.setdefault(node.target.id, end)

    def visit_Global(self, node: ast.Global) -> None:
        self.globals.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.local.difference_update(node.names)
        self.nonlocals.update(node.names)

    def visit_Call(self, node: ast.Call) -> None:
        self.calls.append(node)
        self.loads.update(named_by_get(node))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        if _is_namespace(node.comparators[0]) and isinstance(node.left, ast.Constant):
            self.looks.update({node.left.value} if isinstance(node.left.value, str) else ())
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.loads.update(named_by_subscript(node))
        self.generic_visit(node)

    def _function(self, node: FunctionNode) -> None:
        for part in _executed_at_definition(node):
            self.visit(part)
        hidden: frozenset[str] = frozenset().union(*self.hidden) if self.hidden else frozenset()
        self.inner.append((node, hidden))
        if not isinstance(node, ast.Lambda):
            self.local.add(node.name)

    visit_Lambda = _function
    visit_FunctionDef = _function
    visit_AsyncFunctionDef = _function

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]:
            self.visit(part)
        self.local.add(node.name)
        body = _Scope(set())
        body.hidden = self.hidden
        for statement in node.body:
            body.visit(statement)
        # a name the class body binds may be read before that: count it when loaded
        self.loads |= body.loads
        self.inner += body.inner
        self.looks |= body.looks
        self.calls += body.calls
        self.globals |= body.globals

    def _comprehension(self, node: ast.AST) -> None:
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        outer = self.hidden
        for generator in generators:
            self.visit(generator.iter)
            self.hidden = (*self.hidden, frozenset(bound_names(generator.target)))
            for condition in generator.ifs:
                self.visit(condition)
        for part in ("key", "value", "elt"):
            if hasattr(node, part):
                self.visit(getattr(node, part))
        self.hidden = outer

    visit_ListComp = _comprehension
    visit_SetComp = _comprehension
    visit_DictComp = _comprehension
    visit_GeneratorExp = _comprehension

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.local.add(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self.local.update(bound_names(node))
        self.generic_visit(node)

    visit_MatchStar = visit_MatchAs  # type: ignore[assignment]
    visit_MatchMapping = visit_MatchAs  # type: ignore[assignment]

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.local.update(a.asname or a.name.split(".")[0] for a in node.names)

    visit_Import = _import
    visit_ImportFrom = _import


def named_by_subscript(node: ast.Subscript) -> set[str]:
    """Return the name behind `globals()['x']` (x) and `Out[5]` (_5), if it is one of these."""
    key = node.slice.value if isinstance(node.slice, ast.Constant) else None
    base = node.value
    if isinstance(base, ast.Name) and base.id in ("Out", "_oh") and type(key) is int:
        return {f"_{key}"}
    return {key} if isinstance(key, str) and _is_namespace(base) else set()


def named_by_get(node: ast.Call) -> set[str]:
    """Return the name behind `globals().get('x')` and `globals().pop('x')`."""
    function = node.func
    if not (isinstance(function, ast.Attribute) and function.attr in ("get", "pop") and node.args):
        return set()
    key = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
    return {key} if isinstance(key, str) and _is_namespace(function.value) else set()


def _is_namespace(node: ast.AST) -> bool:
    """Say whether an expression is a call like `globals()`, or its `keys()`."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute) and node.func.attr == "keys":
        return _is_namespace(node.func.value)
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    return name in ("globals", "locals", "vars", "dir") and not node.args
