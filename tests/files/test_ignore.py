"""What travels and what does not, and why: built-in rules, ignore files, the user's word."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from jupyter_remote_gpu.files.ignore import Ignore
from jupyter_remote_gpu.files.scan import Project
from jupyter_remote_gpu.files.verdict import Why
from tests.files.trees import Plain, write


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder, with no global ignore file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def _left_out(root: Path, files: Plain, **options: object) -> dict[str, Why]:
    write(root, files)
    project = Project(root, lambda: Ignore(root, **options))  # type: ignore[arg-type]
    found = project.scan()
    return {os.fsdecode(path): left.why for path, left in found.left_out.items()}


@pytest.mark.parametrize(
    "name",
    [
        ".env", ".env.production", "prod.env", "server.pem", "tls.key", "id_rsa", "id_ed25519",
        "kaggle.json", ".netrc", ".pypirc", "sub/.git-credentials", "credentials.json",
        "my-credentials.json", "service_account_prod.json", "secrets.toml", "x.kdbx", ".htpasswd",
    ],
)  # fmt: skip
def test_secrets_stay_by_their_names(root: Path, name: str) -> None:
    assert _left_out(root, {name: "x"}) == {name: Why.SECRET}


@pytest.mark.parametrize(
    "name",
    [
        "env.py",
        ".env.example",
        "id_rsa.pub",
        "keys.py",
        "monkey.json",
        "environment.yml",
        "tokens.txt",
    ],
)
def test_what_only_sounds_like_a_secret_travels(root: Path, name: str) -> None:
    assert _left_out(root, {name: "x"}) == {}


KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ" * 4
SERVICE = '{"type": "service_account", "project_id": "x", "private_key": "…"}'
KAGGLE = '{"username":"me","key":"0123456789abcdef0123456789abcdef"}'
HUB = "hf_" + "a1B2" * 9


@pytest.mark.parametrize("text", [KEY, SERVICE, KAGGLE, f"HF={HUB}\n"])
def test_secrets_stay_by_the_look_of_them(root: Path, text: str) -> None:
    assert _left_out(root, {"notes": text}) == {"notes": Why.SECRET}


def test_a_program_with_a_token_in_it_travels_and_is_told(root: Path) -> None:
    write(root, {"train.py": f'login("{HUB}")', "test.py": KEY, "plain.py": "hf_hub_download()"})
    project = Project(root, lambda: Ignore(root))
    assert project.scan().tokens == {
        b"train.py": "a Hugging Face token",
        b"test.py": "a private key",
    }
    assert set(project.scan().tokens) == {b"train.py", b"test.py"}
    (root / "train.py").write_text("login()")
    assert set(project.scan().tokens) == {b"test.py"}


def test_what_can_be_made_again_stays(root: Path) -> None:
    assert _left_out(
        root,
        {
            "__pycache__/a.pyc": "x",
            ".ipynb_checkpoints/n.ipynb": "x",
            "web/node_modules/p/index.js": "x",
            ".venv/bin/python": "x",
            "myenv/pyvenv.cfg": "home = /usr",
            "conda/conda-meta/history": "x",
            "big/CACHEDIR.TAG": "Signature",
            ".git/HEAD": "ref",
            "sub/.git/HEAD": "ref",
            ".hg/x": "x",
            ".DS_Store": "x",
            "a.kept-from-box.py": "x",
            ".~rgpu-1/plan": "x",
            "a.py": "x",
        },
    ) == {
        "__pycache__": Why.CACHE,
        ".ipynb_checkpoints": Why.CACHE,
        "web/node_modules": Why.CACHE,
        ".venv": Why.ENVIRONMENT,
        "myenv": Why.ENVIRONMENT,
        "conda": Why.ENVIRONMENT,
        "big": Why.CACHE,
        ".git": Why.GIT,
        "sub/.git": Why.GIT,
        ".hg": Why.GIT,
        ".DS_Store": Why.CACHE,
        "a.kept-from-box.py": Why.OTHER_VERSION,
        ".~rgpu-1": Why.OWN,
    }


def test_ignore_files_nest_and_the_nearest_decides(root: Path) -> None:
    assert _left_out(
        root,
        {
            ".gitignore": "*.log\nbuild/\n",
            "d/.gitignore": "!keep.log\n/only.txt\n",
            "a.log": "", "d/keep.log": "", "d/b.log": "", "d/only.txt": "", "d/e/only.txt": "",
            "build/x": "", "d/build": "",
        },
    ) == {
        "a.log": Why.IGNORED,
        "d/b.log": Why.IGNORED,
        "d/only.txt": Why.IGNORED,
        "build": Why.IGNORED,
    }  # fmt: skip


def test_what_the_user_names_himself_has_the_last_word(root: Path) -> None:
    assert _left_out(
        root,
        {
            ".gitignore": "outputs/\n*.pt\n",
            ".remotegpuignore": "!outputs/\n!.env\n!/w.pt\nraw/\n",
            "outputs/x.csv": "", ".env": "A=1", "w.pt": "", "v.pt": "", "raw/r": "",
            ".git/HEAD": "",
        },
    ) == {"v.pt": Why.IGNORED, "raw": Why.IGNORED, ".git": Why.GIT}  # fmt: skip


def test_nothing_makes_a_repository_s_own_folder_travel(root: Path) -> None:
    files: Plain = {".remotegpuignore": "!.git/\n!.git\n!**\n", ".git/config": "x", "a": "x"}
    assert _left_out(root, files) == {".git": Why.GIT}


def test_large_files_wait_for_a_word(root: Path) -> None:
    files: Plain = {"w.bin": "x" * 2000, "v.bin": "x" * 2000, "s.bin": "x"}
    assert _left_out(root, files, large_bytes=1000, wanted=[b"v.bin"]) == {"w.bin": Why.LARGE}
    (root / ".remotegpuignore").write_text("!w.bin\n")
    assert _left_out(root, {}, large_bytes=1000, wanted=[b"v.bin"]) == {}


def test_a_file_that_grows_large_waits_too(root: Path) -> None:
    write(root, {"w.bin": "x"})
    project = Project(root, lambda: Ignore(root, large_bytes=1000))
    assert project.scan().left_out == {}
    (root / "w.bin").write_text("x" * 2000)
    found = project.scan()
    assert found.changed == {b"w.bin": None}
    assert found.left_out[b"w.bin"].rule == "0 MB"


def test_datasets_stay(root: Path) -> None:
    files: Plain = {"data/mnist/x": "x", "data/mine.csv": "x"}
    assert _left_out(root, files, datasets=[b"data/mnist"]) == {"data/mnist": Why.DATASET}


def test_the_reason_names_file_and_line(root: Path) -> None:
    write(root, {".gitignore": "# comment\n\n*.log\n", "a.log": "x"})
    found = Project(root, lambda: Ignore(root)).scan()
    assert str(found.left_out[b"a.log"]) == "named in an ignore file (.gitignore, line 3: *.log)"


def test_git_s_other_ignore_files_count(root: Path, tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / ".git/info/exclude").write_text("excluded\n")
    (tmp_path / "everywhere").write_text("global\n")
    (tmp_path / "gitconfig").write_text(f"[core]\n\texcludesFile = {tmp_path / 'everywhere'}\n")
    files: Plain = {"excluded": "x", "global": "x", "a": "x"}
    assert _left_out(root, files) == {
        ".git": Why.GIT,
        "excluded": Why.IGNORED,
        "global": Why.IGNORED,
    }


def test_git_agrees_on_a_whole_tree(root: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    files: Plain = {
        ".gitignore": "*\n!*/\n!*.py\n!.gitignore\n/out*/**\n",
        "src/.gitignore": "gen_*\n!gen_keep.py\n",
        "src/a.py": "", "src/b.txt": "", "src/gen_x.py": "", "src/gen_keep.py": "", "x/y/z.py": "",
        "x/y/z.txt": "", "out1/deep/a.py": "", "out.py": "",
    }  # fmt: skip
    write(root, files)
    project = Project(root, lambda: Ignore(root))
    project.scan()
    command = ["git", "ls-files", "-z", "--others", "--exclude-standard"]
    told = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout
    ours = {
        path for path, known in project.index.known.items() if (root / os.fsdecode(path)).is_file()
    }
    assert ours == set(told.split(b"\0")) - {b""}


def test_an_ignore_file_that_is_a_link_does_not_count(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("a.py\n")
    (root / ".gitignore").symlink_to(tmp_path / "elsewhere")
    assert _left_out(root, {"a.py": "x"}) == {}
