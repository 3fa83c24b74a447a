"""Credentials that only their own libraries know, and files that others can read."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyter_remote_gpu.datasets.credentials.kaggle import kaggle_credential
from tests.datasets.emulators.hub import Hub
from tests.datasets.emulators.kaggle import KEY, TOKEN, USER
from tests.datasets.emulators.serving import json_reply


def _never(refresh_token: str) -> str:
    raise AssertionError("no login was to be renewed")


def test_what_this_process_told_kagglehub_counts_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = pytest.importorskip("kagglehub.config")
    monkeypatch.setattr(config, "_kaggle_credentials", None)
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_environment")
    config.set_kaggle_api_token(f" {TOKEN}\n")
    found = kaggle_credential(_never)
    assert found is not None
    assert (found.secret, found.user, found.where) == (TOKEN, "", "kagglehub's own login")
    config.set_kaggle_credentials(USER, KEY)
    found = kaggle_credential(_never)
    assert found is not None
    assert (found.secret, found.user) == (KEY, USER)
    config.clear_kaggle_credentials()
    found = kaggle_credential(_never)
    assert found is not None
    assert found.secret == "KGAT_environment"


@pytest.mark.skipif(os.name != "posix", reason="files have no such modes")
def test_a_key_that_others_can_read_is_told_of_once(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = home / ".kaggle" / "kaggle.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"username": USER, "key": KEY}))
    path.chmod(0o600)
    with caplog.at_level(logging.WARNING):
        kaggle_credential(_never)
        assert caplog.messages == []
        path.chmod(0o644)
        for _ in range(2):
            kaggle_credential(_never)
    assert caplog.messages == [
        f"Others on this computer can read your Kaggle key: chmod 600 {path}"
    ]


def test_a_login_in_a_browser_is_renewed_by_the_hubs_own_library(home: Path, hub: Hub) -> None:
    if importlib.util.find_spec("huggingface_hub") is None:
        pytest.skip("there is no huggingface_hub")
    folder = home / ".cache" / "huggingface"
    folder.mkdir(parents=True)
    (folder / "token").write_text("hf_oauth_ended")
    ended = int(time.time()) - 60
    (folder / "stored_tokens").write_text(
        f"[shop]\nhf_token = hf_oauth_ended\nrefresh_token = hf_refresh\nexpires_at = {ended}\n"
    )
    answer = {"access_token": "hf_oauth_renewed", "expires_in": 8 * 3600}
    hub.faults.answer("/oauth/token", json_reply(answer))
    # In a process of its own: the library reads its settings when it is loaded.
    ran = subprocess.run(
        [sys.executable, "-c", _ASK],
        env={**os.environ, "HF_ENDPOINT": hub.url},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    renews = any(one.path == "/oauth/token" for one in hub.asked)
    assert ran.stdout == ("hf_oauth_renewed\n" if renews else "hf_oauth_ended\n")


_ASK = """
from jupyter_remote_gpu.datasets.credentials.hub import hub_credential
print(hub_credential().secret)
"""
