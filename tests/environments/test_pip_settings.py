"""Where pip looks for packages is where uv looks, unless it was told itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_remote_gpu.environments.pip_settings import PipSettings, pip_settings

CONF = """\
[global]
index-url = https://mirror.example.org/simple
extra-index-url =
    https://me:pw@private.example.org/simple
    file:///srv/simple
[install]
find-links = /srv/wheels
"""


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only file in which pip finds settings."""
    path = tmp_path / "pip.conf"
    path.write_text(CONF)
    monkeypatch.setattr("jupyter_remote_gpu.environments.pip_settings._files", lambda: [path])
    return path


def test_files_are_read_and_variables_win(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = "https://me:pw@private.example.org/simple"
    mirror = "https://mirror.example.org/simple"
    assert pip_settings() == PipSettings(mirror, (private,), ("/srv/wheels",))
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.example.org/simple")
    assert pip_settings().default == "https://other.example.org/simple"
    assert pip_settings().environ(links=False) == {
        "UV_DEFAULT_INDEX": "https://other.example.org/simple",
        "UV_INDEX": private,
    }
    assert pip_settings().environ(links=True)["UV_FIND_LINKS"] == "/srv/wheels"


def test_what_was_set_for_uv_itself_counts_instead(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX_URL", "https://uv.example.org/simple")
    monkeypatch.setenv("UV_FIND_LINKS", "/uv")
    assert pip_settings().environ(links=True) == {}


def test_a_file_that_pip_could_not_read_counts_as_empty(conf: Path) -> None:
    conf.write_text("no section = here\n[global\n")
    assert pip_settings() == PipSettings()
