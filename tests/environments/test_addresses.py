"""No password leaves this computer in an address."""

from __future__ import annotations

import pytest

from jupyter_remote_gpu.environments.addresses import holds_credentials, without_credentials


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("https://me:pw@host/simple", "https://host/simple"),
        ("https://token@host/simple", "https://host/simple"),
        ("https://__token__:pypi-AgE@host:8080/x y", "https://host:8080/x y"),
        ("git+https://ghp_secret@github.com/a/b@main", "git+https://github.com/a/b@main"),
        ("git+ssh://git@github.com/a/b.git", "git+ssh://git@github.com/a/b.git"),
        ("git+ssh://git:pw@github.com/a/b.git", "git+ssh://git@github.com/a/b.git"),
        (
            "https://h/f.whl?X-Amz-Signature=abc&Expires=1",
            "https://h/f.whl?X-Amz-Signature=***&Expires=1",
        ),
        ("https://h/f.whl?access_token=abc", "https://h/f.whl?access_token=***"),
        ("a@b.org wrote https://h/x@v1", "a@b.org wrote https://h/x@v1"),
        ("pkg @ https://h/x-1.0.whl", "pkg @ https://h/x-1.0.whl"),
    ],
)
def test_credentials_are_taken_out(text: str, bare: str) -> None:
    assert without_credentials(text) == bare
    assert without_credentials(bare) == bare
    assert holds_credentials(text) == (text != bare)
