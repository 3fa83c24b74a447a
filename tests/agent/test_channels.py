"""What an agent says to its kernels, understood by Jupyter's own library."""

from __future__ import annotations

import stat
from pathlib import Path

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.session import Session

from jupyter_remote_gpu.agent.channels import CHANNELS, KernelChannels, write_connection_file


def test_a_connection_file_is_one_of_jupyters_and_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "connection.json"
    write_connection_file(path, str(tmp_path / "z"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    client = BlockingKernelClient()
    client.load_connection_file(str(path))
    channels = KernelChannels(path)
    found = {channel: client._make_url(channel) for channel in CHANNELS}
    assert {channel: channels.address(channel) for channel in CHANNELS} == found
    assert len(set(found.values())) == len(CHANNELS)


def test_a_message_is_one_of_jupyters_and_is_taken_once(tmp_path: Path) -> None:
    path = tmp_path / "connection.json"
    write_connection_file(path, str(tmp_path / "z"))
    client = BlockingKernelClient()
    client.load_connection_file(str(path))
    kernel = Session(key=client.session.key, signature_scheme="hmac-sha256")
    channels = KernelChannels(path)
    for _ in range(2):
        identities, parts = kernel.feed_identities(channels.signed("remote_gpu_run", b"ours"))
        taken = kernel.deserialize(parts)
        assert (identities, taken["msg_type"], taken["content"]) == ([], "remote_gpu_run", {})
        assert [bytes(one) for one in taken["buffers"]] == [b"ours"]
