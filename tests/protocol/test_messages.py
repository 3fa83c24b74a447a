"""Messages: every kind survives the wire, and nonsense is refused by name."""

from __future__ import annotations

import json

import pytest

from jupyter_remote_gpu.errors import ProtocolError
from jupyter_remote_gpu.protocol import dataset_messages, frames, messages, project
from jupyter_remote_gpu.protocol.frames import Frame

EXAMPLES: list[messages.Message] = [
    messages.Hello(protocol=1, version="0", token="secret", client="c", line=None),
    messages.Welcome(protocol=1, version="0", machine={"host": "h"}),
    messages.Refused(kind="token", message="no", protocol=1, version="0"),
    messages.Done(request=1, result={"a": [1]}),
    messages.Failed(request=1, kind="StateError", message="m", hint=None),
    messages.OpenKernel(request=1, notebook="n", python="p", folder="f", environ={"A": "b"}),
    messages.ListKernels(request=1),
    messages.OpenWorkspace(request=1, workspace="w", version="3.11"),
    messages.BuildEnvironment(
        request=1, workspace="w", version="3.11", lock="l", digest="d", packages={"a": "1"}
    ),
    messages.Remains(request=1),
    messages.Clean(request=1, items=["agents/x"]),
    messages.Told(request=1, what="unpacking", done=1, total=2),
    messages.StopKernel(request=1, kernel="k"),
    messages.Interrupt(request=1, kernel="k"),
    messages.Status(request=1),
    messages.Ping(request=1),
    messages.Run(
        request=1, kernel="k", run="r", source="s", count=1, parent={}, stdin=True, state={}
    ),
    messages.Follow(request=1, kernel="k", after=0),
    messages.Events(kernel="k", blobs=(b"abc",)),
    messages.Held(kernel="k", bytes=5),
    messages.ListRuns(request=1, kernel="k"),
    messages.Input(request=1, kernel="k", event=1, value="typed"),
    messages.Comm(kernel="k", kind="comm_msg", content={}, metadata={}, parent={}, blobs=(b"x",)),
    messages.State(request=1, verb="ask", body={}),
    messages.Chunk(name="00", blobs=(b"chunk",)),
    messages.Taken(bytes=1),
    project.LookProject(request=1, workspace="w", base="00", depth=1, most_bytes=5),
    project.FindProject(request=1, workspace="w", blobs=(b"a",)),
    project.LackingChunks(request=1, workspace="w", blobs=(b"name",)),
    project.PutChunks(request=1, workspace="w", blobs=(b"pack",)),
    project.GiveChunks(request=1, workspace="w", lists=True, blobs=(b"name",)),
    project.ChangeProject(
        request=1, workspace="w", base="00", depth=0, root="01", root_depth=1, who="notebook"
    ),
    project.RunWith(
        request=1,
        kernel="k",
        run="r",
        source="s",
        count=1,
        parent={},
        stdin=True,
        state={},
        project={"workspace": "w"},
        blobs=(b"", b"pack"),
    ),
    project.Wrote(kernel="k", root="00", depth=0),
    dataset_messages.PlaceDataset(
        request=1, key="k-1", text="kaggle://o/n@1", asked="o/n", name="n", files=[{"path": "a"}]
    ),
    dataset_messages.LinksWanted(request=1, key="k-1", files=[0], why=""),
    dataset_messages.GiveLinks(request=1, key="k-1", links={"0": {"url": "https://s.org/a"}}),
    dataset_messages.StopDataset(request=1, key="k-1"),
    dataset_messages.ListDatasets(request=1),
    dataset_messages.RemoveDatasets(request=1, keys=["k-1"]),
]


def _frame(message: messages.Message) -> Frame:
    ((frame, _),) = frames.split(b"".join(message.encode()))
    return frame


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda m: m.tag)
def test_each_message_survives_the_wire(message: messages.Message) -> None:
    back = messages.decode(_frame(message))
    assert type(back) is type(message)
    assert [bytes(b) for b in back.blobs] == [bytes(b) for b in message.blobs]
    names = [n for n in message.__slots__ if n != "blobs"]
    assert [getattr(back, n) for n in names] == [getattr(message, n) for n in names]


def test_every_kind_has_an_example() -> None:
    assert {type(m) for m in EXAMPLES} == set(messages._KINDS.values())


@pytest.mark.parametrize(
    "head",
    [
        b"no json",
        b"[]",
        b'{"t":"unknown"}',
        b'{"t":"ping"}',
        b'{"t":"ping","request":"1"}',
        b'{"t":"ping","request":true}',
        b'{"t":"ping","request":1,"more":2}',
        b'{"t":"ping","request":1,"b":[5]}',
        b'{"t":"ping","request":1,"b":[-1,1]}',
        b'{"t":"ping","request":1,"b":"x"}',
    ],
)
def test_nonsense_is_refused(head: bytes) -> None:
    with pytest.raises(ProtocolError):
        messages.decode(Frame(0, 0, head, memoryview(b"")))


def test_secrets_do_not_show_in_reprs() -> None:
    shown = repr(EXAMPLES[0]) + repr(messages.Input(request=1, kernel="k", event=1, value="typed"))
    assert "secret" not in shown
    assert "typed" not in shown


def test_heads_are_plain_json() -> None:
    for message in EXAMPLES:
        assert json.loads(_frame(message).head)["t"] == message.tag
