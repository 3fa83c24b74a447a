"""One namespace on two machines: what a cell reads and writes, components, codecs, coherence.

`home.Home` is the user's side and decides, `away.Away` is the side inside the
machine's kernel, `peer.Peer` is how Home reaches it. No I/O in this room.
"""
