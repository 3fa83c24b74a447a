"""What the files of a project say, found and read as their makers meant them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.environments.declared import declaration
from jupyter_remote_gpu.errors import RequestError


def test_without_any_file_nothing_is_declared(folder: Path) -> None:
    assert declaration(folder) is None


def test_the_nearest_folder_wins_and_nothing_above_the_repository_counts(folder: Path) -> None:
    (folder.parent / "requirements.txt").write_text("outside\n")
    notebooks = folder / "notebooks" / "deep"
    notebooks.mkdir(parents=True)
    assert declaration(notebooks) is None
    (folder / "requirements.txt").write_text("root\n")
    (folder / "notebooks" / "requirements.txt").write_text("nearer\n")
    found = declaration(notebooks)
    assert found is not None
    assert (found.kind, found.requirements) == ("requirements", ("nearer",))


def test_the_most_exact_kind_of_file_wins(folder: Path) -> None:
    kinds = []
    files = {
        "environment.yml": "dependencies: [numpy]\n",
        "requirements-dev.txt": "numpy\n",
        "requirements.txt": "numpy\n",
        "pyproject.toml": "[project]\nname = 'x'\nversion = '1'\ndependencies = ['numpy']\n",
        "pylock.toml": "",
        "uv.lock": "",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
        found = declaration(folder)
        assert found is not None
        kinds.append((found.kind, found.path.name))
    assert kinds == [
        ("conda", "environment.yml"),
        ("requirements", "requirements-dev.txt"),
        ("requirements", "requirements.txt"),
        ("project", "pyproject.toml"),
        ("lock", "pylock.toml"),
        ("lock", "uv.lock"),
    ]


def test_a_pyproject_that_only_holds_settings_declares_nothing(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n")
    assert declaration(folder) is None


def test_optional_groups_of_a_project_are_not_taken(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(
        "[project]\nname = 'x'\nversion = '1'\ndependencies = ['numpy>=2; python_version>\"3\"']\n"
        "[project.optional-dependencies]\ntest = ['pytest']\n[dependency-groups]\ndev = ['ruff']\n"
    )
    found = declaration(folder)
    assert found is not None
    assert found.requirements == ('numpy>=2; python_version>"3"',)


REQUIREMENTS = """\
# what we use
numpy==2.0.0 \\
    --hash=sha256:aaaa \\
    --hash=sha256:bbbb
pandas>=2  # the table kind
--extra-index-url https://example.org/simple
-r more/extra.txt
-c bounds.txt
-e ./lib
wheels/own-1.0-py3-none-any.whl
tool @ https://example.org/tool.zip#egg=tool
pywin32; sys_platform == "win32"
"""


def test_requirements_are_read_with_all_that_they_name(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "extra.txt").write_text("seaborn\n-r ../requirements.txt\n../lib2\n")
    (folder / "bounds.txt").write_text("scipy<2\n")
    (folder / "requirements.txt").write_text(REQUIREMENTS)
    found = declaration(folder)
    assert found is not None
    assert found.requirements == (
        "numpy==2.0.0",
        "pandas>=2",
        "--extra-index-url https://example.org/simple",
        "seaborn",
        str(folder / "lib2"),
        f"-c {folder / 'bounds.txt'}",
        f"-e {folder / 'lib'}",
        str(folder / "wheels" / "own-1.0-py3-none-any.whl"),
        "tool @ https://example.org/tool.zip#egg=tool",
        'pywin32; sys_platform == "win32"',
    )
    names = [path.relative_to(folder).as_posix() for path in found.read]
    assert names == ["requirements.txt", "more/extra.txt", "bounds.txt"]


CONDA = """\
name: lab
channels: [conda-forge, nodefaults]
dependencies:
  - python=3.11
  - numpy=1.26
  - "pandas=2.2.3=py311h_0"   # a build
  - conda-forge::scipy >=1.10,<2
  - pytorch
  - cudatoolkit=11.8
  - libgdal
  - matplotlib
  - pip
  - pip:
      - polars>=1
      - -r extra.txt
"""


def test_an_environment_of_conda_is_read_as_packages_of_an_index(folder: Path) -> None:
    (folder / "environment.yml").write_text(CONDA)
    (folder / "extra.txt").write_text("seaborn\n")
    found = declaration(folder)
    assert found is not None
    assert found.requirements == (
        "numpy==1.26.*",
        "pandas==2.2.3",
        "scipy>=1.10,<2",
        "torch",
        "matplotlib",
        "polars>=1",
        "seaborn",
    )
    assert found.left_out == (
        "cudatoolkit=11.8, libgdal of environment.yml can only be had from conda, not from a"
        " package index; they are not on the machine",
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pyproject.toml", b"[project]\nname = \n"),
        ("pyproject.toml", b"[project\nname = 'x'\n"),
        ("pyproject.toml", b"[project]\ndependencies = 'numpy'\n"),
        ("requirements.txt", b"\xff\xfe\x00numpy"),
        ("requirements.txt", b"-r missing.txt\n"),
        ("environment.yml", b"dependencies: [unclosed"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(RequestError, match="cannot be read") as caught:
        declaration(folder)
    assert str(folder) in caught.value.message
    assert caught.value.hint is not None
