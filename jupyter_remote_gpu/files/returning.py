"""What a machine that is not trusted may bring back by itself: data, and nothing that runs.

By name, since the content comes from that machine too. Lists of what is known to
run can never be complete, so a name that means something special to a tool is
held back along with its kind (dotfiles, files without a suffix that tools look
for). Pure; no I/O.
"""

from __future__ import annotations

import re

from jupyter_remote_gpu.chunks.tree import Entry, FileEntry, FolderEntry, LinkEntry

_RUNS = re.compile(
    rb"\.(py|pyw|pyc|pyo|pyd|pyx|pxd|pxi|pth|egg|whl|ipynb|so(\.[0-9.]+)?|dylib|dll|exe|com|msi|scr"
    rb"|sh|bash|zsh|fish|csh|ksh|bat|cmd|ps1|psm1|vbs|js|mjs|cjs|ts|jsx|tsx|pl|pm|rb|lua|tcl|r|rmd"
    rb"|qmd|jl|m|php|go|rs|c|cc|cpp|cxx|cu|cuh|h|hpp|f90|java|jar|class|wasm|applescript|command"
    rb"|desktop|lnk|url|html?|xhtml|svg|xml|xsl|docm|xlsm|pptm|mk|cmake|gradle|nix|tf|sql"
    rb"|vim|el|reg|service|plist|app|pkg|deb|rpm|apk|appimage|dockerfile)$",
    re.IGNORECASE,
)
_CONFIGURES = re.compile(
    rb"(makefile|gnumakefile|justfile|rakefile|gemfile|procfile|vagrantfile|jenkinsfile|snakefile"
    rb"|dockerfile|containerfile|cmakelists\.txt|setup\.cfg|tox\.ini|pytest\.ini|mypy\.ini"
    rb"|pyproject\.toml|pipfile(\.lock)?|poetry\.lock|uv\.(lock|toml)|pdm\.lock|requirements.*\.txt"
    rb"|constraints.*\.txt|environment.*\.ya?ml|conda.*\.ya?ml|package(-lock)?\.json|tsconfig.*\.json"
    rb"|compose.*\.ya?ml|docker-compose.*\.ya?ml|dvc\.ya?ml|.*config\.(json|ya?ml|toml|ini)"
    rb"|.*\.(toml|ini|cfg|conf))$",
    re.IGNORECASE,
)
_LOADS_CODE = re.compile(
    rb"\.(pkl|pickle|p|pt|pth|pth\.tar|ckpt|bin|joblib|dill|cloudpickle|sav|model|mar|torch|jit|h5|hdf5"
    rb"|keras|npy|npz|rdata|rds)$",
    re.IGNORECASE,
)


def may_return(path: bytes, entry: Entry) -> str | None:
    """Return why this waits for the user's word, in words; None if it may come by itself.

    Asked about new files of a machine that is not trusted, and about those it made.
    """
    if isinstance(entry, FolderEntry):
        return "it is a hidden folder" if path.rpartition(b"/")[2].startswith(b".") else None
    if isinstance(entry, LinkEntry):
        return "it is a link, which can lead anywhere"
    return _file_may_return(path, entry)


def _file_may_return(path: bytes, entry: FileEntry) -> str | None:
    name = path.rpartition(b"/")[2].rstrip(b". ")
    if any(part.startswith(b".") for part in path.split(b"/")):
        return "it is hidden, and such files configure programs"
    if entry.executable:
        return "it may be run"
    if _RUNS.search(name):
        return "it can be run or imported"
    if _CONFIGURES.fullmatch(name):
        return "it configures the project"
    return None


def unsafe_to_load(path: bytes) -> bool:
    """Whether loading such a file can run code that whoever wrote it put there (pickles)."""
    return _LOADS_CODE.search(path) is not None
