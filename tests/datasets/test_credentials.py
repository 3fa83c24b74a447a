"""Tokens are found where Kaggle's and the Hub's programs keep them, and are shown nowhere."""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType

import pytest

from jupyter_remote_gpu.datasets.addresses import redacted
from jupyter_remote_gpu.datasets.credentials import vaults
from jupyter_remote_gpu.datasets.credentials.credential import Credential
from jupyter_remote_gpu.datasets.credentials.hub import hub_credential
from jupyter_remote_gpu.datasets.credentials.kaggle import kaggle_credential
from jupyter_remote_gpu.datasets.grammar import parse_reference
from jupyter_remote_gpu.datasets.kaggle import KaggleSource
from jupyter_remote_gpu.datasets.kaggle_calls import KaggleCalls
from jupyter_remote_gpu.errors import CredentialsRefusedError, NoCredentialsError
from tests.datasets.emulators.kaggle import KEY, REFRESH, TOKEN, USER, Dataset, Kaggle

Put = Callable[[str, str], None]


@pytest.fixture
def put(home: Path) -> Put:
    """Write a file below the user's folder."""

    def write(name: str, text: str) -> None:
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return write


def _never(refresh_token: str) -> str:
    raise AssertionError("no login was to be renewed")


def _kaggle() -> tuple[str, str, str] | None:
    found = kaggle_credential(_never)
    return (found.secret, found.user, found.where) if found else None


def test_nothing_is_found_where_nothing_is() -> None:
    assert _kaggle() is None
    assert hub_credential() is None


def test_kaggle_is_known_in_each_of_its_forms(
    put: Put, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(".config/kaggle/kaggle.json", json.dumps({"username": "old", "key": "k0"}))
    assert _kaggle() == ("k0", "old", str(home / ".config/kaggle/kaggle.json"))
    put(".kaggle/kaggle.json", json.dumps({"username": "bob", "key": "k1"}))
    assert _kaggle() == ("k1", "bob", str(home / ".kaggle/kaggle.json"))
    put("elsewhere/kaggle.json", json.dumps({"username": "eve", "key": "k2"}))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(home / "elsewhere"))
    assert _kaggle() == ("k2", "eve", str(home / "elsewhere/kaggle.json"))
    monkeypatch.setenv("KAGGLE_USERNAME", USER)
    monkeypatch.setenv("KAGGLE_KEY", KEY)
    assert (_kaggle() or "")[:2] == (KEY, USER)
    put(".kaggle/access_token.txt", "KGAT_windows\r\n")
    assert _kaggle() == ("KGAT_windows", "", str(home / ".kaggle/access_token.txt"))
    put(".kaggle/access_token", f"{TOKEN}\n")
    assert _kaggle() == (TOKEN, "", str(home / ".kaggle/access_token"))
    monkeypatch.setenv("KAGGLE_API_TOKEN", " KGAT_environment\n")
    assert _kaggle() == ("KGAT_environment", "", "KAGGLE_API_TOKEN in the environment")
    put("token", "KGAT_named")
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(home / "token"))
    assert (_kaggle() or "")[0] == "KGAT_named"


def test_a_login_is_used_while_it_lasts_and_renewed_after(put: Put, kaggle: Kaggle) -> None:
    def login(ends: float) -> None:
        moment = datetime.fromtimestamp(ends, timezone.utc).isoformat()
        said = {"refresh_token": REFRESH, "access_token": TOKEN, "access_token_expiration": moment}
        put(".kaggle/credentials.json", json.dumps(said))

    kaggle.datasets["o/news"] = Dataset([{"a": b""}], private=True)
    news = parse_reference("o/news")
    login(time.time() + 3600)
    KaggleSource(KaggleCalls(endpoint=kaggle.url)).resolve(news)
    # A quarter of an hour past its end Kaggle's own program still takes it for valid.
    login(time.time() - 900)
    KaggleSource(KaggleCalls(endpoint=kaggle.url)).resolve(news)
    used = [asked.authorization for asked in kaggle.asked]
    assert used[:2] == [f"Bearer {TOKEN}"] * 2
    assert used[2] == ""
    assert used[3].startswith("Bearer KGAT_renewed")
    # What was renewed ends, too, while the notebook goes on.
    lasting = KaggleSource(KaggleCalls(endpoint=kaggle.url))
    lasting.resolve(news)
    kaggle.tokens = {TOKEN: USER}
    assert lasting.resolve(news).version == "1"
    put(".kaggle/credentials.json", json.dumps({"refresh_token": "revoked"}))
    with pytest.raises(CredentialsRefusedError, match="login") as caught:
        KaggleSource(KaggleCalls(endpoint=kaggle.url)).resolve(news)
    assert "kaggle auth login" in str(caught.value)


def test_a_token_that_was_put_after_a_refusal_is_used(put: Put, kaggle: Kaggle) -> None:
    kaggle.datasets["o/news"] = Dataset([{"a": b""}], private=True)
    source, news = KaggleSource(KaggleCalls(endpoint=kaggle.url)), parse_reference("o/news")
    with pytest.raises(NoCredentialsError):
        source.resolve(news)
    put(".kaggle/access_token", "KGAT_mistyped00000000")
    with pytest.raises(CredentialsRefusedError):
        source.resolve(news)
    put(".kaggle/access_token", TOKEN)
    assert source.resolve(news).version == "1"


def test_a_damaged_key_file_is_told(put: Put) -> None:
    put(".kaggle/kaggle.json", '{"username": "bob"}')
    with pytest.raises(CredentialsRefusedError, match=r"kaggle\.json") as caught:
        _kaggle()
    assert "bob" not in str(caught.value)


def test_the_hub_is_known_in_each_of_its_forms(
    put: Put, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> str:
        one = hub_credential()
        return one.secret if one else ""

    put(".cache/huggingface/token", "hf_file\n")
    assert found() == "hf_file"
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    assert found() == ""
    put("hf/token", "hf_home")
    assert found() == "hf_home"
    put("token", "hf_path")
    monkeypatch.setenv("HF_TOKEN_PATH", str(home / "token"))
    assert found() == "hf_path"
    monkeypatch.setenv("HF_TOKEN", "hf_environment")
    assert found() == "hf_environment"


class _Userdata(ModuleType):
    """What Colab has under this name, with one secret."""

    asked = 0
    token = TOKEN

    def get(self, name: str) -> str:
        self.asked += 1
        if name == "KAGGLE_API_TOKEN":
            return f"{self.token}\n"
        raise KeyError(name)


def test_secrets_of_colab_are_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    colab = _Userdata("google.colab.userdata")
    monkeypatch.setitem(sys.modules, "google.colab.userdata", colab)
    monkeypatch.setattr(vaults, "_asked", {})
    assert _kaggle() == (TOKEN, "", "the secret KAGGLE_API_TOKEN of Colab")
    assert hub_credential() is None
    assert _kaggle() is not None
    assert colab.asked == 2


def test_a_secret_of_colab_that_was_mended_after_a_refusal_is_used(
    kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    colab = _Userdata("google.colab.userdata")
    colab.token = "KGAT_mistyped00000000"
    monkeypatch.setitem(sys.modules, "google.colab.userdata", colab)
    monkeypatch.setattr(vaults, "_asked", {})
    kaggle.datasets["o/news"] = Dataset([{"a": b""}], private=True)
    source, news = KaggleSource(KaggleCalls(endpoint=kaggle.url)), parse_reference("o/news")
    with pytest.raises(CredentialsRefusedError):
        source.resolve(news)
    colab.token = TOKEN
    assert source.resolve(news).version == "1"


def test_the_keyring_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("keyring")
    kept = {("jupyter_remote_gpu", "kaggle"): TOKEN, ("jupyter_remote_gpu", "huggingface"): "hf_k"}
    ring = type(
        "Ring",
        (importlib.import_module("keyring.backend").KeyringBackend,),
        {"priority": 1, "get_password": lambda self, *where: kept.get(where), "set_password": None},
    )
    monkeypatch.setattr("keyring.core._keyring_backend", ring())
    assert _kaggle() == (TOKEN, "", "the keyring")
    found = hub_credential()
    assert found is not None
    assert (found.secret, found.where) == ("hf_k", "the keyring")


def test_a_keyring_that_refuses_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("keyring")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    assert _kaggle() is None


def test_a_credential_shows_itself_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    one = Credential("a file", TOKEN)
    other = Credential("a file", KEY, USER)
    logging.getLogger("any").warning("%s %r", one, other)
    assert TOKEN not in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Invalid header value b'Bearer {TOKEN}\\n'", "Invalid header value b'Bearer ***\\n'"),
        ("hf_abcdefghijklmnop is wrong", "hf_*** is wrong"),
        (
            "GET https://s.org/a?alt=media&X-Goog-Signature=ab HTTP",
            "GET https://s.org/a?alt=media HTTP",
        ),
        ("https://u:p@s.org/a", "https://s.org/a"),
        ("see https://s.org/a?page=2", "see https://s.org/a?page=2"),
    ],
)
def test_texts_are_shown_without_secrets(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert redacted(shown) == shown
