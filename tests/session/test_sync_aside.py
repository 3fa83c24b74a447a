"""What was put aside, after the machine has become a trusted one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_remote_gpu.errors import NoSuchFileError
from tests.files.trees import read, write
from tests.session.wiring import Wired

pytestmark = pytest.mark.usefixtures("no_rules_of_the_user")


def test_what_was_rejected_stays_away_from_trusted_machines_too(untrusted: Wired) -> None:
    wired = untrusted
    write(wired.here, {"a.py": "1"})
    wired.run(lambda: write(wired.there, {"no.sh": "1", "later.sh": "2"}))
    assert [one.path for one in wired.sync.waiting()] == ["later.sh", "no.sh"]
    wired.sync.reject(["no.sh"])
    wired.sync.close()
    wired.trusted = True
    wired.sync = wired.opened()
    assert wired.run() == ("came back: later.sh (1 bytes)",)
    assert read(wired.here).keys() == {"a.py", "later.sh"}
    assert wired.sync.waiting() == ()
    # Another version is another question, and so is a file that is asked for by its name.
    lines = wired.run(lambda: write(wired.there, {"no.sh": "another"}))
    assert lines == ("came back: no.sh (7 bytes)",)


def test_what_was_rejected_comes_if_it_is_pulled(untrusted: Wired) -> None:
    wired = untrusted
    wired.run(lambda: write(wired.there, {"no.sh": "1"}))
    wired.sync.reject(["no.sh"])
    assert wired.run() == ()
    assert [one.path for one in wired.sync.pull(["no.sh"]).waiting] == ["no.sh"]
    with pytest.raises(NoSuchFileError, match="nothing called nosuch on box"):
        wired.sync.pull(["nosuch"])


@pytest.fixture
def untrusted(tmp_path: Path) -> Iterator[Wired]:
    """An empty project and a machine that is not trusted."""
    found = Wired(tmp_path, trusted=False)
    yield found
    found.close()
