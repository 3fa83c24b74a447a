"""`push_to_hub`: what arrives at the Hub, what is not sent twice, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_remote_gpu.agent.kernel import sending, weights
from jupyter_remote_gpu.agent.kernel.outgoing import push
from jupyter_remote_gpu.agent.kernel.weights import write_weights
from jupyter_remote_gpu.datasets.hub_calls import HubCalls
from jupyter_remote_gpu.datasets.hub_uploads import MARK, HubUploads
from jupyter_remote_gpu.datasets.model_card import Made, Record, card_text
from jupyter_remote_gpu.datasets.web import Web
from jupyter_remote_gpu.errors import (
    BadReferenceError,
    CredentialsRefusedError,
    DatasetError,
    DiskFullError,
    MayNotWriteError,
    NoCredentialsError,
    NotAvailableError,
    PublicRepositoryError,
    RateLimitedError,
    SourceDownError,
    UnsafeWeightsError,
    UploadError,
)
from jupyter_remote_gpu.protocol.work import Work
from jupyter_remote_gpu.session.cell_push import CellPush
from tests.datasets.emulators.hub import TOKEN, Files, Hub, Repository
from tests.datasets.emulators.serving import Reply, json_reply

RECORD = Record(["kaggle://shop/items@3", "hf://datasets/a/b@c0ffee"], ["train(1)"])
Push = Callable[..., str]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("HF_TOKEN", TOKEN)


@pytest.fixture
def cell(hub: Hub) -> CellPush:
    """The side with the token, of a trusted machine."""
    calls = HubCalls(Web("the Hub", pause=lambda seconds: None), hub.url)
    return CellPush(lambda: RECORD, trusted=True, uploads=HubUploads(calls))


@pytest.fixture
def publish(cell: CellPush) -> Push:
    """`push_to_hub`, with what goes over the wire made JSON as it is there."""

    def ask(question: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(json.dumps(cell.answer(question, "")))
        return answer

    return lambda what, repo, **more: push(what, repo, ask, say=lambda line: None, **more)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Weights with what lies around them."""
    made = tmp_path / "model"
    (made / "sub").mkdir(parents=True)
    (made / "config.json").write_text("{}")
    (made / "sub" / "big.safetensors").write_bytes(bytes(30_000))
    (made / "empty.txt").touch()
    (made / "optimizer.pt").write_bytes(b"pickle")
    (made / ".env").write_text("KEY=1")
    (made / "out").symlink_to("/etc/passwd")
    return made


def _last(hub: Hub, name: str = "alice/shop") -> Files:
    return hub.repositories[f"models/{name}"].commits[-1]


def _puts(hub: Hub) -> list[str]:
    return [asked.path for asked in hub.storage.asked if asked.method == "PUT"]


def test_a_folder_arrives_private_and_only_once(publish: Push, hub: Hub, folder: Path) -> None:
    assert publish(folder, "alice/shop") == f"{hub.url}/alice/shop"
    files = _last(hub)
    assert set(files) == {"config.json", "sub/big.safetensors", "empty.txt", "README.md"}
    assert files["sub/big.safetensors"] == bytes(30_000)
    assert hub.repositories["models/alice/shop"].private
    assert len(_puts(hub)) == 1
    publish(folder, "alice/shop")
    assert len(_puts(hub)) == 1
    assert {asked.authorization for asked in hub.storage.asked} == {""}


def test_many_files_are_asked_for_in_several_requests(
    publish: Push, hub: Hub, tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(300):
        (folder / f"{n}.bin0").write_bytes(b"\0%d" % n)
    publish(folder, "alice/shop")
    files = _last(hub)
    assert len(files) == 300 + len(["README.md"])
    assert files["299.bin0"] == b"\x00299"


def test_parts_are_put_together_and_links_that_ended_are_renewed(
    publish: Push, hub: Hub, folder: Path
) -> None:
    hub.uploads.part_bytes = 12_000
    hub.storage.faults.answer("PUT", Reply(500))
    hub.storage.faults.answer("/2", Reply(403))
    publish(folder, "alice/shop")
    assert _last(hub)["sub/big.safetensors"] == bytes(30_000)
    batches = [line for line in hub.lines if line.endswith("/batch")]
    assert len(batches) == 2


def test_a_file_whose_parts_arrived_is_not_sent_again_with_the_new_links_of_another(
    publish: Push, hub: Hub, folder: Path
) -> None:
    (folder / "a.safetensors").write_bytes(b"\0" * 20_000)
    hub.uploads.part_bytes = 12_000
    hub.storage.faults.answer("/begun2/3", Reply(403))
    publish(folder, "alice/shop")
    files = _last(hub)
    assert files["a.safetensors"] == b"\0" * 20_000
    assert files["sub/big.safetensors"] == bytes(30_000)
    assert len(_puts(hub)) == 2 + 3 + 3


def test_a_broken_push_goes_on_with_what_is_missing(publish: Push, hub: Hub, folder: Path) -> None:
    (folder / "a.safetensors").write_bytes(b"\0" * 20_000)
    hub.storage.faults.answer("PUT", Reply(200))  # said, but not kept
    hub.storage.faults.answer("PUT", Reply(503), times=4)
    with pytest.raises(UploadError) as told:
        publish(folder, "alice/shop")
    assert "X-Goog" not in str(told.value)
    assert _last(hub) == {}
    publish(folder, "alice/shop")
    assert set(_last(hub)) > {"a.safetensors", "sub/big.safetensors"}


def test_the_card_tells_data_cells_and_metrics(publish: Push, hub: Hub, folder: Path) -> None:
    publish(folder, "alice/shop", metrics={"loss": 0.25})
    card = _last(hub)["README.md"].decode()
    for words in ("kaggle://shop/items@3", "datasets:\n- a/b\n", "train(1)", "| loss | 0.25 |"):
        assert words in card
    hub.repositories["models/alice/shop"].commits.append({"README.md": b"my own words"})
    publish(folder, "alice/shop")
    assert _last(hub)["README.md"] == b"my own words"
    hub.repositories["models/alice/shop"].commits.append({"README.md": MARK.encode()})
    publish(folder, "alice/shop")
    assert "train(1)" in _last(hub)["README.md"].decode()


def test_a_card_holds_no_token_and_no_signature() -> None:
    cells = [f'login("{TOKEN}")', 'get("https://s.org/a?X-Amz-Signature=abc123")', "x = '```'"]
    cells += ['password = "hunter2-secret"', 'connect(api_key="hunter3-secret")']
    cells += ["os.environ['MY_TOKEN'] = 'hunter4-secret'", 'tokenizer = "gpt2-large"']
    cells += ['token = f"hunter5-{secret}"', f'wandb.login(key="hunter6{"a1" * 18}")']
    cells += ['rows.sort_values(key="hunted")']
    card = card_text(
        "a/b", Made("model"), Record(data=["https://s.org/a?token=abc123"], cells=cells)
    )
    assert TOKEN not in card
    assert "abc123" not in card
    assert "hunter" not in card
    assert 'key="hunted"' in card
    assert "gpt2-large" in card
    assert "````python" in card


@pytest.mark.torch
def test_weights_are_what_the_library_reads(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    library = pytest.importorskip("safetensors.torch")
    tied = torch.arange(6.0).reshape(2, 3)
    tensors = {
        "a.weight": tied,
        "b.weight": tied,
        "turned": tied.T,
        "half": torch.ones(3, dtype=torch.bfloat16),
        "flag": torch.tensor(True),
        "none": torch.zeros(0, 4),
        "grad": torch.nn.Parameter(torch.ones(2)),
    }
    assert write_weights(tmp_path, tensors)
    read = library.load_file(tmp_path / "model.safetensors")
    assert set(read) == set(tensors) - {"b.weight"}
    for name, tensor in read.items():
        assert tensor.dtype == tensors[name].dtype
        assert torch.equal(tensor, tensors[name].detach())
    with pytest.raises(UnsafeWeightsError, match="'step'"):
        write_weights(tmp_path, {"step": 3})
    with pytest.raises(UnsafeWeightsError, match="'thin'"):
        write_weights(tmp_path, {"thin": tied.to_sparse()})


@pytest.mark.torch
def test_large_weights_go_into_several_files(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    library = pytest.importorskip("safetensors.numpy")
    tensors = {
        "big": numpy.arange(600, dtype=">f4"),
        "turned": numpy.asfortranarray(numpy.arange(60.0).reshape(6, 10)),
        "half": numpy.ones((3, 100), "float16")[:, ::2],
        "none": numpy.zeros((0, 4)),
        "one": numpy.float32(2.5).reshape(()),
    }
    assert not write_weights(tmp_path, tensors, most=1000)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    files = sorted(tmp_path.glob("*.safetensors"))
    assert [file.name for file in files] == [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    came = {n: library.load_file(tmp_path / at)[n] for n, at in index["weight_map"].items()}
    assert {name: array.tolist() for name, array in came.items()} == {
        name: array.tolist() for name, array in tensors.items()
    }
    assert index["metadata"] == {"total_size": 600 * 4 + 60 * 8 + 150 * 2 + 4}


def test_what_does_not_fit_is_refused_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numpy = pytest.importorskip("numpy")
    monkeypatch.setattr(weights, "_SPARE_BYTES", 1 << 60)
    with pytest.raises(DiskFullError, match=r"0\.1 GB .* GB free"):
        write_weights(tmp_path, {"w": numpy.zeros(80_000_000, "int8")})
    assert list(tmp_path.glob("*.safetensors")) == []


def test_work_says_how_far_it_is_and_how_long_it_takes() -> None:
    now = [0.0]
    shown: list[tuple[str, float]] = []
    work = Work("sending", 100_000_000, lambda *one: shown.append(one), lambda: now[0])
    for now[0] in (0.5, 1.5, 4.0):
        work.add(20_000_000)
    assert shown == [
        ("sending: 40.0 MB of 100 MB", 0.4),
        ("sending: 60.0 MB of 100 MB, 15.0 MB/s, 3 s left", 0.6),
    ]


@pytest.mark.torch
def test_a_model_comes_back_from_the_hub(publish: Push, hub: Hub, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    library = pytest.importorskip("safetensors.torch")
    model = torch.nn.Sequential(torch.nn.Linear(60, 60), torch.nn.Linear(60, 60))
    model[1].weight = model[0].weight
    publish(model, "alice/shop")
    file = tmp_path / "came.safetensors"
    file.write_bytes(_last(hub)["model.safetensors"])
    other = torch.nn.Sequential(torch.nn.Linear(60, 60), torch.nn.Linear(60, 60))
    other[1].weight = other[0].weight
    library.load_model(other, file)
    assert torch.equal(other[0].weight, model[0].weight)
    assert torch.equal(other[1].bias, model[1].bias)


def test_a_model_that_can_save_itself_does_so(publish: Push, hub: Hub) -> None:
    class Model:
        def save_pretrained(self, folder: str) -> None:
            Path(folder, "config.json").write_text('{"layers": 2}')
            Path(folder, "model.safetensors").write_bytes(bytes(20_000))
            Path(folder, "README.md").write_text("a form that nobody filled in")

        @classmethod
        def from_pretrained(cls, repo: str) -> Model:
            return cls()

    class ItemTokenizer(Model):
        def save_pretrained(self, folder: str) -> None:
            Path(folder, "tokenizer.json").write_text("{}")

    publish(Model(), "alice/shop", metrics={"loss": 0.5})
    assert _last(hub)["config.json"] == b'{"layers": 2}'
    for _ in range(2):
        publish(ItemTokenizer(), "alice/shop")
    loads = 'model = Model.from_pretrained("alice/shop")'
    beside = 'tokenizer = ItemTokenizer.from_pretrained("alice/shop")'
    for what in (ItemTokenizer(), Model()):
        card = _last(hub)["README.md"].decode()
        assert (card.count(loads), card.count(beside), card.count(MARK)) == (1, 1, 1)
        publish(what, "alice/shop")
    assert "| loss | 0.5 |" in card
    assert "train(1)" in card


@pytest.mark.parametrize(
    ("what", "repo", "kind"),
    [
        ("model", "nobody", BadReferenceError),
        ("model", "../x/y", BadReferenceError),
        ("model", "bob/shop", MayNotWriteError),
        ("model/optimizer.pt", "alice/shop", UnsafeWeightsError),
        ("nothing", "alice/shop", UploadError),
        (3, "alice/shop", UnsafeWeightsError),
    ],
)
def test_what_cannot_be_is_said(
    what: Any, repo: str, kind: type[DatasetError], publish: Push, hub: Hub, folder: Path
) -> None:
    with pytest.raises(kind):
        publish(folder.parent / what if isinstance(what, str) else what, repo)
    assert hub.repositories == {}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (json_reply({"error": "no"}, 401), CredentialsRefusedError),
        (json_reply({"error": "no"}, 403), MayNotWriteError),
        (json_reply({}, 429, Retry_After="90"), RateLimitedError),
        (json_reply({}, 413), UploadError),
        (json_reply({}, 400), UploadError),
    ],
)
def test_each_refusal_has_its_own_class(
    reply: Reply, kind: type[DatasetError], publish: Push, hub: Hub, folder: Path
) -> None:
    hub.faults.answer("/preupload/", reply)
    with pytest.raises(kind) as told:
        publish(folder, "alice/shop")
    assert told.value.hint
    assert _last(hub) == {}


def test_trouble_that_lasts_and_no_token(
    publish: Push, hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.faults.answer("/commit/", Reply(503), times=4)
    with pytest.raises(SourceDownError):
        publish(folder, "alice/shop")
    publish(folder, "alice/shop")
    monkeypatch.delenv("HF_TOKEN")
    hub.faults.answer("/preupload/", json_reply({}, 401))  # after which it is looked for anew
    with pytest.raises(CredentialsRefusedError):
        publish(folder, "alice/shop")
    with pytest.raises(NoCredentialsError):
        publish(folder, "alice/shop")


def test_an_open_repository_takes_only_what_may_be_open(
    publish: Push, hub: Hub, folder: Path
) -> None:
    hub.repositories["models/alice/shop"] = Repository([{}])
    with pytest.raises(PublicRepositoryError):
        publish(folder, "alice/shop")
    assert _puts(hub) == []
    publish(folder, "alice/shop", private=False)
    assert "config.json" in _last(hub)


def test_a_machine_publishes_only_what_its_cell_names(hub: Hub, folder: Path) -> None:
    uploads = HubUploads(HubCalls(endpoint=hub.url))
    cell = CellPush(lambda: RECORD, trusted=False, uploads=uploads)

    def publish(source: str, **more: Any) -> str:
        return push(
            folder, "alice/shop", lambda q: cell.answer(q, source), say=lambda line: None, **more
        )

    for source in ("train()", 'push_to_hub(m, "alice/other")', ""):
        with pytest.raises(NotAvailableError):
            publish(source)
    with pytest.raises(NotAvailableError):
        publish('push_to_hub(m, "alice/shop")', private=False)
    assert hub.asked == []
    publish('push_to_hub(m, "alice/shop")')
    wrong = {"path": "../x", "bytes": 1, "sha256": "0" * 64, "sample": ""}
    asked = {"step": "begin", "repo": "alice/shop", "files": [wrong]}
    assert cell.answer(asked, 'push_to_hub(m, "alice/shop")')["kind"] == "UnsafePathError"
