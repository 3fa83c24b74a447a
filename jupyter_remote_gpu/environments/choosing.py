"""Choosing packages for a machine: what is wished first, and what is given up, in which order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from jupyter_remote_gpu.errors import NoIndexError, PackagesError

from .addresses import without_credentials
from .asking import Question, RefusedError, ask
from .declared import is_option
from .image import same_version
from .index_settings import several_indexes
from .needs import Needs
from .pylock import Package
from .target import Target
from .torch_build import FAMILY

KERNEL = "ipykernel"
_AT_ONCE = 3
_MOST_QUESTIONS = 30
_PYTORCH_HOST = "download.pytorch.org"


@dataclass(slots=True)
class Choosing:
    """The questions to uv for one lock; each refusal says what to ask next.

    `notes` are sentences on what is given up; `degraded` says that an index could not
    be reached, so that another time the answer may be better. Used once, by `make`.
    """

    needs: Needs
    target: Target
    work: Path
    notes: list[str] = field(default_factory=list)
    asked: int = 0
    torch_may_change: bool = True
    degraded: bool = False
    unreached: str = ""

    def choose(self, question: Question) -> tuple[Question, tuple[Package, ...]]:
        """Return the first question, of ever more modest ones, that has an answer, and that.

        Raises `PackagesError` and `NoIndexError`.
        """
        if not several_indexes(self.needs.folder):
            known = self._answer(replace(question, offline=True))
            if not isinstance(known, RefusedError) and all(map(self._is_as_here, known)):
                # All versions are those of here: an index could say nothing better, and asking
                # one whether its pages changed takes a second.
                return question, known
        answer = self._answer(question)
        while isinstance(answer, RefusedError):
            question = self._next(question, answer)
            answer = self._answer(question)
        return question, answer

    def _is_as_here(self, one: Package) -> bool:
        wished = {**self.needs.here, **self.target.provided}.get(one.name, "")
        return same_version(one.version.partition("+")[0], wished.partition("+")[0])

    def _answer(self, question: Question) -> tuple[Package, ...] | RefusedError:
        try:
            return self.ask(question)
        except RefusedError as refused:
            return refused

    def ask(self, question: Question) -> tuple[Package, ...]:
        """Ask one question; raises `RefusedError`."""
        self.asked += 1
        return ask(question, self.target, self.needs.folder, self.work / str(self.asked))

    def is_bound(self, one: Package) -> bool:
        """Say whether a package that must be built here has wheels for macOS or Windows."""
        for platform in ("macos", "windows"):
            target = replace(self.target, platform=platform)
            alone = Question((f"{one.name}=={one.version}",), dependencies=False)
            try:
                ask(alone, target, self.needs.folder, self.work / f"{platform}-{one.name}")
            except RefusedError:
                continue
            return True
        return False

    def _next(self, question: Question, refused: RefusedError) -> Question:
        """Return the question after a refusal: the least is given up first."""
        text = refused.text
        if self.asked > _MOST_QUESTIONS:
            raise self._impossible(refused)
        if refused.denied:
            raise PackagesError(
                "a package index that is set up here asks for a password that uv does not have",
                hint="Give it in UV_INDEX or by `uv auth login`; it stays on this computer."
                f" uv says: {refused.short}",
            )
        if refused.network:
            return self._without_network(question, refused)
        if not question.may_build and re.search(
            "building from source is disabled|no usable wheels", text
        ):
            return replace(question, may_build=True)
        failed = re.search(r"Failed to (?:build|download and build) `([^=@` ]+)(?:==|@)", text)
        if failed is not None and failed[1] in question.preferred:
            # The version of here has no wheel for there, and does not build: any other, then.
            rest = {n: v for n, v in question.preferred.items() if n != failed[1]}
            return replace(question, preferred=rest)
        if self.torch_may_change and "torch" in text and _pins_torch(question):
            return self._other_torch(question)
        if not question.may_build:
            return replace(question, may_build=True)
        modest = self._possible(question)
        if modest is None:
            raise self._impossible(refused)
        return modest

    def _without_network(self, question: Question, refused: RefusedError) -> Question:
        if _PYTORCH_HOST in refused.text and question.build is not None:
            self.notes.append(
                "PyTorch's own index cannot be reached from here: torch comes from the usual one,"
                " whose build may not fit the machine's driver"
            )
            self.degraded = True
            # A build that lies here is one for this computer: it fits machines without a GPU.
            return replace(question, build=None, links=self.target.driver is None)
        if not self.unreached:
            self.unreached = refused.short
        if not question.offline and not several_indexes(self.needs.folder):
            self.degraded = True
            return replace(question, offline=True)
        raise NoIndexError(
            "the package index cannot be reached from here, and what was fetched before does not"
            f" suffice for {self.target.words}",
            hint=f"Is this computer connected? uv says: {self.unreached}",
        ) from refused

    def _other_torch(self, question: Question) -> Question:
        """Ask for any version of torch: no build that the driver runs has the one of here."""
        self.torch_may_change = False
        rest = (c for c in question.constraints if c.partition("==")[0] not in FAMILY)
        return replace(question, constraints=tuple(rest))

    def _possible(self, question: Question) -> Question | None:
        """Return the question without what cannot be had; None if each alone can.

        pip's own folders of packages are looked into first; then a version that does not
        exist there is given up, then the package.
        """
        declared = self.needs.declared
        whole = declared.requirements if declared and question.sources else ()
        lines = tuple(dict.fromkeys((*whole, *question.lines)))
        options = tuple(line for line in lines if is_option(line))
        single = [line for line in lines if not is_option(line)]
        alone = replace(question, sources=())
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            jobs = [
                pool.submit(self._fits, replace(alone, lines=(*options, line)), str(number))
                for number, line in enumerate(single)
            ]
            refusals = [job.result() for job in jobs]
        kept = list(options)
        links = question.links
        for line, refused in zip(single, refusals, strict=True):
            if refused is None:
                kept.append(line)
                continue
            wider = replace(alone, lines=(*options, line), links=True)
            if not question.links and self._fits(wider, f"links-{len(kept)}") is None:
                links = True
                kept.append(line)
                continue
            if line == KERNEL:
                # Without it nothing runs there at all.
                raise self._impossible(refused)
            kept += self._modest(alone, options, line, refused)
        modest = replace(question, sources=(), lines=tuple(kept), links=links)
        return None if (modest.lines, links) == (lines, question.links) else modest

    def _fits(self, question: Question, place: str) -> RefusedError | None:
        folder = self.work / f"alone-{self.asked}-{place}"
        try:
            ask(question, self.target, self.needs.folder, folder)
        except RefusedError as refused:
            return refused
        return None

    def _modest(
        self, alone: Question, options: tuple[str, ...], line: str, refused: RefusedError
    ) -> list[str]:
        """Return a requirement without its version if that can be had; else none, and a note."""
        name = line
        try:
            wish = Requirement(line)
            name = wish.name
            if wish.specifier:
                marker = f"; {wish.marker}" if wish.marker else ""
                extras = f"[{','.join(sorted(wish.extras))}]" if wish.extras else ""
                loose = f"{wish.name}{extras}{marker}"
                question = replace(alone, lines=(*options, loose))
                if self._fits(question, f"loose-{wish.name}") is None:
                    self.notes.append(
                        f"`{without_credentials(line)}` cannot be had for {self.target.words}:"
                        " another version is taken"
                    )
                    return [loose]
        except InvalidRequirement:
            name = re.sub(r"^-e\s+", "", line)
        self.notes.append(_missing(without_credentials(name), self.target, refused))
        return []

    def _impossible(self, refused: RefusedError) -> PackagesError:
        declared = self.needs.declared
        of = f" of {declared.path.name}" if declared else ""
        return PackagesError(
            f"no choice of packages{of} fits {self.target.words}: {refused.short}",
            hint="Loosen one of the versions named there; each package alone could be had.",
        )


def _missing(name: str, target: Target, refused: RefusedError) -> str:
    """Return the sentence on a package that is left out."""
    if "was not found in the package registry" in refused.text:
        return (
            f"{name} is on no package index that is set up here, so it is not on the machine;"
            " a cell there that imports it will fail"
        )
    if re.search(r"no (?:usable )?wheels|no source distribution|platform tag", refused.text):
        return f"{name} has nothing for {target.words}; a cell there that imports it will fail"
    return (
        f"{name} cannot be had for {target.words}, and a cell there that imports it will fail"
        f" ({refused.short})"
    )


def _pins_torch(question: Question) -> bool:
    return any(line.partition("==")[0] in FAMILY for line in question.constraints)


def pins_of_torch(here: Mapping[str, str]) -> tuple[str, ...]:
    """Return constraints that keep PyTorch's packages at the versions of here, in any build."""
    return tuple(f"{name}=={here[name]}" for name in sorted(FAMILY & here.keys()) if here[name])
