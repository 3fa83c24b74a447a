"""What never travels unless asked for, by its name: the rules that need no ignore file.

They are said as lines of an ignore file, so that everybody can read them, each
group with its reason. `.remotegpuignore` can take back all but the first group
(`!.env` sends it). Pure; no I/O.
"""

from __future__ import annotations

import re
from collections.abc import Set

from .patterns import Patterns
from .verdict import Why

TEMPORARY = b".~rgpu-"
"""How the names of our own unfinished files begin."""
OTHER_VERSION = b".kept-from-"
"""Stands in the name of the other version that a conflict left."""

_ALWAYS = ((Why.OWN, TEMPORARY + b"*"), (Why.GIT, b".git"))

_GROUPS: tuple[tuple[Why, bytes], ...] = (
    (Why.OTHER_VERSION, b"*" + OTHER_VERSION + b"*"),
    (Why.GIT, b".hg/\n.svn/\n.jj/\n.bzr/\n.sl/\n"),
    (
        Why.ENVIRONMENT,
        b".venv/\nvenv/\nvirtualenv/\n.virtualenv/\n.conda/\n.pixi/\n__pypackages__/\n",
    ),
    (
        Why.CACHE,
        b"__pycache__/\n*.py[co]\n.ipynb_checkpoints/\n.virtual_documents/\n.mypy_cache/\n"
        b".pytest_cache/\n.ruff_cache/\n.hypothesis/\n.tox/\n.nox/\n.eggs/\n*.egg-info/\n"
        b"node_modules/\n.gradle/\n.terraform/\n.parcel-cache/\n.next/\n.turbo/\n"
        b".DS_Store\nThumbs.db\ndesktop.ini\n*.swp\n*.swo\n*~\n.#*\n#*#\n~$*\n.~lock.*#\n"
        # folders that a cloud service keeps in step: its own files
        b".dropbox\n.dropbox.cache/\n*.icloud\n.tmp.drivedownload/\n.tmp.driveupload/\n"
        b".sync/\n.stfolder/\n.stversions/\n~syncthing~*\n.Trash-*/\n",
    ),
    (
        Why.SECRET,
        b".env\n.env.*\n!.env.example\n!.env.sample\n!.env.template\n!.env.dist\n*.env\n.envrc\n"
        b"*.pem\n*.key\n*.p12\n*.pfx\n*.jks\n*.keystore\n*.ppk\n*.kdbx\n*.asc.key\n"
        b"id_rsa*\nid_dsa*\nid_ecdsa*\nid_ed25519*\n!id_*.pub\n"
        b"kaggle.json\n.netrc\n_netrc\n.pypirc\n.npmrc\n.git-credentials\n.htpasswd\n.pgpass\n.my.cnf\n"
        b".ssh/\n.kaggle/\n.gnupg/\n.aws/\n.azure/\n.gcloud/\n.kube/\n.docker/\ngcloud/\n"
        b"credentials.json\ncredentials.y*ml\n*_credentials.json\n*-credentials.json\n"
        b"application_default_credentials.json\nclient_secret*.json\nservice[-_]account*.json\n"
        b"secrets.toml\nsecrets.y*ml\nsecrets.json\n.secrets\n.vault-token\n.boto\n.s3cfg\n"
        b"rclone.conf\n.huggingface/\n",
    ),
)

_PLACED_DATA = re.compile(rb"/datasets/[A-Za-z0-9._-]+-[0-9a-f]{24}/files\Z")

_MARKS = {
    b"pyvenv.cfg": (Why.ENVIRONMENT, "holds pyvenv.cfg"),
    b"conda-meta": (Why.ENVIRONMENT, "holds conda-meta"),
    b"CACHEDIR.TAG": (Why.CACHE, "holds CACHEDIR.TAG"),
}
MARKS = frozenset(_MARKS)
"""Names whose coming or going changes what is said of the folder they lie in."""

_always = tuple((why, Patterns(text)) for why, text in _ALWAYS)
_groups = tuple((why, Patterns(text)) for why, text in _GROUPS)
_any = Patterns(b"\n".join(text for _, text in _GROUPS))
"""All of them together: most names match nothing, and one look says so."""


def always_out(path: bytes, *, is_folder: bool) -> tuple[Why, str] | None:
    """Return why this never travels, whatever anybody asks; None if it may."""
    return _said(_always, path, is_folder=is_folder)


def built_in(path: bytes, *, is_folder: bool) -> tuple[Why, str] | None:
    """Return why this does not travel unless it is asked for; None if it does."""
    if _any.match(path, is_folder=is_folder) is None:
        return None
    return _said(_groups, path, is_folder=is_folder)


def marked(names: Set[bytes]) -> tuple[Why, str] | None:
    """Return why a folder does not travel that holds these names; None if it does."""
    for name in MARKS & names:
        return _MARKS[name]
    return None


def is_placed_data(target: bytes) -> bool:
    """Whether a link leads to where an agent keeps data: such a link is the machine's own."""
    return _PLACED_DATA.search(target) is not None


def _said(
    groups: tuple[tuple[Why, Patterns], ...], path: bytes, *, is_folder: bool
) -> tuple[Why, str] | None:
    for why, patterns in groups:
        found = patterns.match(path, is_folder=is_folder)
        if found is not None and not found.negated:
            return why, found.text.decode()
    return None
