"""What a cell's text says about names: which it may read, bind and delete (flow-aware)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from .scopes import Uses, bound_names, expression_uses, function_uses

_WORD = re.compile(r"[^\W\d]\w*")
_MAGICS = frozenset({"run_line_magic", "run_cell_magic", "system", "getoutput"})
_TEXT_CALLS = frozenset({"eval", "exec", "query", "compile", *_MAGICS})
_SUPPRESSING = frozenset({"suppress", "raises", "ExitStack", "AsyncExitStack", "warns"})


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a cell may do to the notebook's names, as far as its text tells.

    `reads` need their value before the cell runs; `deletes`, and names looked for
    as in `'x' in globals()`, only have to exist if they do; `imports` are the
    modules its import statements name. Names of builtins are included: whoever
    uses this looks names up in a namespace anyway.
    """

    reads: frozenset[str]
    binds: frozenset[str]
    deletes: frozenset[str]
    imports: frozenset[str]


def footprint(tree: ast.Module) -> Footprint:
    """Analyse a parsed cell; about 10 µs a line. IPython syntax has been transformed before."""
    flow = _Flow()
    flow.block(tree.body, set())
    return Footprint(
        frozenset(flow.reads),
        frozenset(flow.binds),
        frozenset(flow.deletes | flow.looks),
        frozenset(flow.imports),
    )


def words_in_texts(tree: ast.Module) -> frozenset[str]:
    """Return the words in a cell's strings: names, perhaps, for code that evaluates text."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    texts = (node.value for node in nodes if isinstance(node.value, str))
    return frozenset(word for text in texts for word in _WORD.findall(text))


@dataclass(slots=True)
class _Flow:
    """Walks statements in order; `bound` are the names certainly bound so far."""

    reads: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    deletes: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    looks: set[str] = field(default_factory=set)
    deferred: dict[str, Uses] = field(default_factory=dict)  # functions defined by this cell

    def block(self, body: Iterable[ast.stmt], bound: set[str]) -> set[str]:
        for statement in body:
            handler = getattr(self, f"_{type(statement).__name__}", None)
            if handler is None:
                self._evaluate(ast.iter_child_nodes(statement), bound)
            else:
                handler(statement, bound)
        return bound

    def _read(self, name: str, bound: set[str]) -> None:
        """Count a mention; a function defined in this cell counts as called when mentioned."""
        todo, seen = [name], set()
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            if name not in bound:
                self.reads.add(name)
            if name in self.deferred:
                self.binds |= self.deferred[name].binds
                self.looks |= self.deferred[name].looks
                todo.extend(self.deferred[name].reads)

    def _evaluate(self, nodes: Iterable[ast.AST | None], bound: set[str]) -> None:
        uses = expression_uses([n for n in nodes if n is not None])
        for name in uses.reads:
            self._read(name, bound)
        for call in uses.calls:
            self._text_arguments(call, bound)
        self._bind(uses.walrus, bound)
        self.binds |= uses.binds
        self.looks |= uses.looks

    def _bind(self, names: Iterable[str], bound: set[str]) -> None:
        for name in names:
            bound.add(name)
            self.binds.add(name)
            self.deferred.pop(name, None)

    def _target(self, target: ast.AST, bound: set[str]) -> None:
        """Bind the plain names of a target; the bases of attributes and items are read."""
        if isinstance(target, ast.Name):
            self._bind([target.id], bound)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self._target(element, bound)
        elif isinstance(target, ast.Starred):
            self._target(target.value, bound)
        else:
            self._evaluate([target], bound)

    def _text_arguments(self, call: ast.Call, bound: set[str]) -> None:
        """Words in strings handed to eval, query, magics and the shell count as mentions."""
        function = call.func
        called = getattr(function, "attr", None) or getattr(function, "id", None)
        if called not in _TEXT_CALLS:
            return
        texts = [a.value for a in call.args if isinstance(a, ast.Constant)]
        strings = [t for t in texts if isinstance(t, str)]
        if called in ("run_cell_magic", "run_line_magic"):
            strings = strings[1:]  # the first is the magic's name
        if called in ("run_cell_magic", "exec") and strings:
            body = _parsed(strings[-1])
            if body is not None:
                self.block(body.body, set(bound))
                strings.pop()
        for word in _WORD.findall(" ".join(strings)):
            self._read(word, bound)

    def _define(self, name: str, uses: Uses, bound: set[str]) -> None:
        self._bind([name], bound)
        self.deferred[name] = uses

    def _FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, bound: set[str]) -> None:
        args = node.args
        self._evaluate(
            [*node.decorator_list, *args.defaults, *args.kw_defaults, node.returns], bound
        )
        every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
        self._evaluate([a.annotation for a in every if a is not None], bound)
        uses = function_uses(node)
        self._define(node.name, uses, bound)
        if node.decorator_list:  # a decorator may call it at once
            self._read(node.name, bound)

    _AsyncFunctionDef = _FunctionDef

    def _ClassDef(self, node: ast.ClassDef, bound: set[str]) -> None:
        self._evaluate(
            [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)], bound
        )
        inside = _Flow(deferred=self.deferred.copy())
        local = set(bound)
        methods = Uses()
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                uses = function_uses(statement)
                methods.reads |= uses.reads
                methods.binds |= uses.binds
                methods.looks |= uses.looks
            inside.block([statement], local)
        self.reads |= inside.reads
        self.looks |= inside.looks
        self._define(node.name, methods, bound)
        if node.decorator_list or node.keywords:
            self._read(node.name, bound)

    def _Assign(self, node: ast.Assign, bound: set[str]) -> None:
        self._evaluate([node.value], bound)
        for target in node.targets:
            self._target(target, bound)

    def _AugAssign(self, node: ast.AugAssign, bound: set[str]) -> None:
        if isinstance(node.target, ast.Name):
            self._read(node.target.id, bound)
        self._evaluate([node.value], bound)
        self._target(node.target, bound)

    def _AnnAssign(self, node: ast.AnnAssign, bound: set[str]) -> None:
        self._evaluate([node.annotation, node.value], bound)
        if node.value is not None:
            self._target(node.target, bound)

    def _For(self, node: ast.For | ast.AsyncFor, bound: set[str]) -> None:
        self._evaluate([node.iter], bound)
        inside = set(bound)
        self._target(node.target, inside)
        self.block(node.body, inside)
        self.block(node.orelse, set(bound))

    _AsyncFor = _For

    def _While(self, node: ast.While, bound: set[str]) -> None:
        self._evaluate([node.test], bound)
        self.block(node.body, set(bound))
        self.block(node.orelse, set(bound))

    def _If(self, node: ast.If, bound: set[str]) -> None:
        self._evaluate([node.test], bound)
        either = self.block(node.body, set(bound)) & self.block(node.orelse, set(bound))
        bound |= either

    def _With(self, node: ast.With | ast.AsyncWith, bound: set[str]) -> None:
        certain = True
        for item in node.items:
            self._evaluate([item.context_expr], bound)
            if item.optional_vars is not None:
                self._target(item.optional_vars, bound)
            words = set(_WORD.findall(ast.dump(item.context_expr)))
            certain = certain and not words & _SUPPRESSING
        # a manager that swallows exceptions may leave the body half done
        self.block(node.body, bound if certain else set(bound))

    _AsyncWith = _With

    def _Try(self, node: ast.Try, bound: set[str]) -> None:
        after = self.block(node.body, set(bound))
        for handler in node.handlers:
            self._evaluate([handler.type], bound)
            inside = set(bound)
            if handler.name:
                self._bind([handler.name], inside)
                self.deletes.add(handler.name)
            self.block(handler.body, inside)
        self.block(node.orelse, after)
        self.block(node.finalbody, set(bound))
        if not node.handlers:
            bound |= after

    _TryStar = _Try

    def _Match(self, node: ast.Match, bound: set[str]) -> None:
        self._evaluate([node.subject], bound)
        for case in node.cases:
            inside = set(bound)
            self._evaluate([case.pattern], inside)
            self._bind(bound_names(case.pattern), inside)
            self._evaluate([case.guard], inside)
            self.block(case.body, inside)

    def _Delete(self, node: ast.Delete, bound: set[str]) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.deletes.add(target.id)
                bound.discard(target.id)
                self.deferred.pop(target.id, None)
            else:
                self._evaluate([target], bound)

    def _Import(self, node: ast.Import, bound: set[str]) -> None:
        self._bind((a.asname or a.name.split(".")[0] for a in node.names), bound)
        self.imports |= {a.name for a in node.names}

    def _ImportFrom(self, node: ast.ImportFrom, bound: set[str]) -> None:
        self._bind((a.asname or a.name for a in node.names if a.name != "*"), bound)
        if node.module:
            self.imports.add(node.module)

    def _Global(self, node: ast.Global, bound: set[str]) -> None:
        """At module level a `global` statement says nothing."""


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except SyntaxError:  # not Python: its words are looked at instead
        return None
