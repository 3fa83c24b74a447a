"""Names of workspaces, and which lines are remembered of what was installed by hand."""

from __future__ import annotations

import re
from pathlib import Path

from jupyter_remote_gpu.session.project import package_of, recorded, workspace_name


def test_a_workspace_is_named_after_its_folder_and_apart_from_others(tmp_path: Path) -> None:
    one, other = tmp_path / "a" / "My Thesis (2)", tmp_path / "b" / "My Thesis (2)"
    name = workspace_name("client", one)
    assert re.fullmatch(r"My-Thesis-2-[0-9a-f]{8}", name)
    assert workspace_name("client", one) == name
    assert len({name, workspace_name("client", other), workspace_name("other", one)}) == 3
    assert re.fullmatch(r"project-[0-9a-f]{8}", workspace_name("client", tmp_path / "论文"))


def test_a_later_version_takes_the_place_of_an_earlier_one() -> None:
    lines, said = recorded(["six==1.16.0", "idna==3.7"], {"six": "six==1.17.0"}, [])
    assert lines == ["idna==3.7", "six==1.17.0"]
    assert said == ("six==1.17.0: kept for this project, on other machines too",)


def test_what_went_is_forgotten_and_only_what_was_kept_is_told() -> None:
    lines, said = recorded(["Six_X==1", "idna==3.7"], {}, ["six-x", "numpy"])
    assert lines == ["idna==3.7"]
    assert said == ("six-x: no longer kept for this project",)


def test_what_came_along_is_not_remembered() -> None:
    assert recorded([], {"part": ""}, []) == ([], ())


def test_code_of_the_machine_is_told() -> None:
    came = {
        "mine": "-e /srv/mine",
        "wheel": "wheel @ file:///srv/x.whl",
        "a": "a @ git+https://h/a@1",
    }
    lines, said = recorded([], came, [])
    assert lines == ["a @ git+https://h/a@1"]
    assert [text for text in said if "not repeated" in text] == list(said[1:])


def test_a_line_names_its_package() -> None:
    lines = ["Scikit_Learn>=1", "a @ git+https://h/a", "torch[x]==2", "-r file", ""]
    assert [package_of(line) for line in lines] == ["scikit-learn", "a", "torch", "", ""]
