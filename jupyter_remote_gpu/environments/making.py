"""From needs to chosen packages: the first question, what the answer lacks, and what is told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from .asking import Question, RefusedError
from .choosing import KERNEL, Choosing, pins_of_torch
from .exported import lines_of_lock
from .image import is_provided, regular, same_version, stand_ins
from .needs import Needs
from .pylock import Package
from .target import Target
from .torch_build import FAMILY, Build, backend_of, build, follows_torch


@dataclass(frozen=True, slots=True)
class Made:
    """What a machine installs, and sentences on what is different from here.

    `degraded` says that an index could not be reached and something else was taken.
    """

    packages: tuple[Package, ...]
    notes: tuple[str, ...]
    degraded: bool


def make(needs: Needs, target: Target, work: Path, without: Collection[str] = ()) -> Made:
    """Choose the packages of `needs` for `target`; blocks. Raises as `make_lock` does.

    `work` is an empty folder; `without` are packages that could not be built there.
    """
    target = replace(target, provided=regular(target.provided))
    making = _Making(needs, target, Choosing(needs, target, work, list(needs.left_out)))
    wheels = stand_ins(target.provided, work / "provided") if target.provided else None
    question = making.first(wheels)
    question, packages = making.choosing.choose(question)
    question, packages = making.with_torch(question, packages)
    question, packages = making.with_imported(question, packages)
    question, packages = making.with_one_build(question, packages)
    packages = making.nearest(question, packages)
    return Made(
        making.buildable(making.installed(packages, wheels), without),
        tuple(making.choosing.notes),
        making.choosing.degraded,
    )


@dataclass(slots=True)
class _Making:
    needs: Needs
    target: Target
    choosing: Choosing
    declared: tuple[str, ...] = field(default=())

    def first(self, wheels: Path | None) -> Question:
        """Return all that is wished: versions of here, wheels, the torch that fits the driver."""
        needs, declared = self.needs, self.needs.declared
        sources: tuple[Path, ...] = ()
        lines = [*_always(needs.here), *needs.extras]
        if declared is None:
            lines += needs.imported.values()
        elif declared.kind == "lock":
            self.declared = lines_of_lock(declared)
            lines += self.declared
        else:
            self.declared = declared.requirements
            if declared.kind == "conda":
                lines += self.declared
            else:
                sources = (declared.path,)
        image_torch = "torch" in self.target.provided
        preferred = {**needs.here, **self.target.provided}
        if not image_torch:
            preferred = {
                n: v for n, v in preferred.items() if n not in FAMILY and not follows_torch(n)
            }
        named = names_of([*self.declared, *needs.extras])
        torch_of = self.target.provided if image_torch else needs.here
        pins = pins_of_torch({n: v for n, v in torch_of.items() if image_torch or n not in named})
        return Question(
            lines=tuple(dict.fromkeys(lines)),
            sources=sources,
            constraints=pins,
            preferred=preferred,
            build=None if image_torch else build(self.target),
            wheels=wheels,
        )

    def with_torch(
        self, question: Question, packages: tuple[Package, ...]
    ) -> tuple[Question, tuple[Package, ...]]:
        """Ask again with a build for the GPU if the image's torch does not suffice."""
        provided = self.target.provided
        missing = [p for p in packages if p.name in FAMILY and not is_provided(p, provided)]
        if "torch" not in provided or not missing:
            return question, packages
        backend = backend_of(provided["torch"])
        own = next((p for p in missing if p.name == "torch"), None)
        if own is not None:
            self.choosing.notes.append(
                f"the image's torch {provided['torch']} does not fit what is needed:"
                f" torch {own.version.partition('+')[0]} is installed over it"
            )
        wanted = Build(backend) if backend and own is None else build(self.target)
        return self.choosing.choose(replace(question, build=wanted))

    def with_imported(
        self, question: Question, packages: tuple[Package, ...]
    ) -> tuple[Question, tuple[Package, ...]]:
        """Add what cells import, is installed here, and no file of the project brings."""
        declared = self.needs.declared
        have = {one.name for one in packages}
        more = {n: asked for n, asked in self.needs.imported.items() if n not in have}
        if declared is None or not more:
            return question, packages
        named = names_of(more.values())
        question = replace(
            question,
            lines=(*question.lines, *more.values()),
            constraints=(
                *question.constraints,
                *pins_of_torch({n: v for n, v in self.needs.here.items() if n in named}),
            ),
        )
        question, packages = self.choosing.choose(question)
        came = [f"{one.name} {one.version}" for one in packages if one.name in more]
        if came:
            self.choosing.notes.append(
                f"cells import what {declared.path.name} does not bring: {', '.join(came)};"
                " that is installed too"
            )
        return question, packages

    def with_one_build(
        self, question: Question, packages: tuple[Package, ...]
    ) -> tuple[Question, tuple[Package, ...]]:
        """Ask for one build of all of PyTorch's packages if each came in its newest."""
        came = [backend_of(one.version) for one in packages if one.name in FAMILY]
        if len(set(came)) < 2:
            return question, packages
        for backend in dict.fromkeys(one for one in reversed(came) if one):
            bound = replace(question, build=Build(backend))
            try:
                return bound, self.choosing.ask(bound)
            except RefusedError:
                # That build lacks one of them; another has them all, or none has.
                continue
        self.choosing.notes.append(
            "no build of PyTorch for the machine's driver has all of its packages in these"
            " versions: they may not work together"
        )
        return question, packages

    def nearest(self, question: Question, packages: tuple[Package, ...]) -> tuple[Package, ...]:
        """Replace versions newer than here's by the newest that is not, where there is one."""
        for name in self._different(packages):
            version = {one.name: one.version for one in packages}[name]
            here = self.needs.here[name]
            if name in FAMILY or self._is_named(name) or not _newer(version, here):
                continue
            bound = replace(question, constraints=(*question.constraints, f"{name}<={here}"))
            try:
                packages = self.choosing.ask(bound)
            except RefusedError:
                # There is none at or below: the newer one stays, and is told.
                continue
            question = bound
        self._tell_differences(packages)
        return packages

    def _different(self, packages: tuple[Package, ...]) -> list[str]:
        """Return the imported packages whose version is not that of here."""
        here, chosen = self.needs.here, {one.name: one for one in packages}
        return [
            name
            for name, asked in self.needs.imported.items()
            if name in chosen
            and here.get(name)
            and " @ " not in asked
            and not same_version(chosen[name].version.partition("+")[0], here[name])
        ]

    def _is_named(self, name: str) -> bool:
        return name in names_of([*self.declared, *self.needs.extras])

    def _tell_differences(self, packages: tuple[Package, ...]) -> None:
        chosen = {one.name: one for one in packages}
        for name in self._different(packages):
            one, here = chosen[name], self.needs.here[name]
            declared = self.needs.declared
            if is_provided(one, self.target.provided):
                why = "the machine's image has it"
            elif declared is not None and _excludes(self.declared, name, here):
                why = f"{declared.path.name} says so"
            elif _excludes(self.needs.extras, name, here):
                why = "what was installed there says so"
            else:
                why = f"{here} cannot be had for {self.target.words}, or not with the others"
            self.choosing.notes.append(f"{name} {one.version} instead of {here}: {why}")

    def buildable(
        self, packages: tuple[Package, ...], without: Collection[str]
    ) -> tuple[Package, ...]:
        """Leave out what can only be built from source on another system, and what failed to."""
        asked = names_of(self.needs.extras)
        found = []
        for one in packages:
            if one.name in without:
                self.choosing.notes.append(
                    f"{one.name} {one.version} could not be built on the machine; a cell there"
                    " that imports it will fail"
                )
            elif one.from_source and one.name not in asked and self.choosing.is_bound(one):
                self.choosing.notes.append(
                    f"{one.name} is made for another system than {self.target.words}; a cell"
                    " there that imports it will fail"
                )
            else:
                found.append(one)
        return tuple(found)

    def installed(self, packages: tuple[Package, ...], wheels: Path | None) -> tuple[Package, ...]:
        """Return what is to be installed: not what the image has, nor folders of the user's."""
        found: list[Package] = []
        for one in packages:
            if is_provided(one, self.target.provided):
                continue
            if one.folder:
                self.choosing.notes.append(
                    f"`{one.name}` is a folder of yours ({one.folder}), not a package of an index:"
                    " what it needs is installed, it itself is not"
                )
                continue
            files = tuple(f for f in one.files if wheels is None or not _below(f.where, wheels))
            remote = tuple(file for file in files if not file.local)
            found.append(replace(one, files=remote or files))
            old = self.target.provided.get(one.name)
            if old is not None and one.name != "torch":
                self.choosing.notes.append(
                    f"{one.name} {one.version} is installed over the image's {old}, which does not"
                    " fit; other packages of the image may expect theirs"
                )
        return tuple(found)


def _always(here: Mapping[str, str]) -> list[str]:
    """Return what a kernel there needs: ipykernel, and ipywidgets of the front end's major."""
    major = here.get("ipywidgets", "").partition(".")[0]
    widgets = [f"ipywidgets>={major},<{int(major) + 1}"] if major.isdigit() else []
    return [KERNEL, *widgets]


def names_of(lines: Iterable[str]) -> set[str]:
    """Return the packages that requirements name, in their normal form."""
    return {name for name in map(_named, lines) if name}


def _named(line: str) -> str:
    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        # An option, or a path: it names no package of an index.
        return ""


def _excludes(lines: Iterable[str], name: str, version: str) -> bool:
    """Say whether requirements ask for another version of a package, or another source."""
    found = [Requirement(line) for line in lines if _named(line) == name]
    return any(one.url or not one.specifier.contains(version, prereleases=True) for one in found)


def _newer(one: str, other: str) -> bool:
    try:
        return Version(one) > Version(other)
    except InvalidVersion:
        return False


def _below(where: str, folder: Path) -> bool:
    return Path(where).parent == folder.resolve() or Path(where).parent == folder
