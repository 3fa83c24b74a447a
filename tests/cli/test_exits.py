"""Exit codes of errors that scripts tell apart."""

from __future__ import annotations

from jupyter_remote_gpu.cli.exits import Exit, exit_of
from jupyter_remote_gpu.errors import FilesError, NoSuchFileError


def test_a_file_that_is_not_there_is_told_from_other_trouble() -> None:
    assert exit_of(NoSuchFileError("there is nothing called x on box")) is Exit.UNKNOWN
    assert exit_of(FilesError("the disk is gone")) is Exit.FAILED
