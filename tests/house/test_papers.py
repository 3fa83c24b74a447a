"""README, documents and Makefile agree with the code and with each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jupyter_remote_gpu.config import RemoteGPU
from jupyter_remote_gpu.magic.verb_table import VERBS
from tests.house.sources import ROOT
from tests.house.test_arrows import rooms

DESIGN = ROOT / "docs" / "design"
PAPERS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
)
WORDS = (
    "machine provider offer lease trusted untrusted agent kernel workspace environment dataset "
    "run journal attempt checkpoint name value component manifest chunk store session supervisor "
    "placement"
).split()


def test_the_readme_names_the_two_commands_and_make_has_them() -> None:
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    for command in ("demo", "test"):
        assert f"make {command}" in readme
        assert re.search(rf"^{command}:", makefile, re.MULTILINE)
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_every_make_target_that_papers_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for paper in PAPERS:
        named = set(re.findall(r"`make ([a-z-]+)", paper.read_text()))
        assert named <= targets, paper.name


def test_the_readme_names_every_verb() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [verb.usage for verb in VERBS if f"`%remote_gpu {verb.usage}`" not in readme] == []


def test_every_setting_is_documented() -> None:
    usage = (ROOT / "docs" / "usage.md").read_text()
    for name, trait in RemoteGPU.class_own_traits(config=True).items():
        (row,) = [line for line in usage.splitlines() if line.startswith(f"| `{name}` |")]
        for variable in re.findall(r"JUPYTER_REMOTE_GPU_\w+", trait.help):
            assert f"`{variable}`" in row


@pytest.mark.parametrize("room", rooms())
def test_every_room_has_its_page(room: str) -> None:
    # The fakes and conformance suites are described where they are used, in CONTRIBUTING.md.
    page = DESIGN / f"{room}.md"
    assert page.exists(), f"docs/design/{room}.md is missing"
    assert room in page.read_text()
    assert f"({room}.md)" in (DESIGN / "README.md").read_text()


def test_the_vocabulary_defines_every_word_once() -> None:
    text = (DESIGN / "vocabulary.md").read_text()
    defined = [
        word.strip()
        for entry in re.findall(r"^\*\*(.+?)\*\*", text, re.MULTILINE)
        for word in entry.split(",")
    ]
    assert sorted(defined) == sorted(WORDS)


def test_every_dependency_has_its_reason() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert listed is not None
    names = re.findall(r'"([A-Za-z0-9_-]+)', listed.group(1))
    assert len(names) > 5
    reasons = (DESIGN / "dependencies.md").read_text()
    assert [name for name in names if f"`{name}`" not in reasons] == []


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(paper: Path) -> None:
    text = re.sub(r"```.*?```", "", paper.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)", text)
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (paper.parent / target).exists()] == []
