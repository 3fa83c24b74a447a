"""What travels: frames, messages, journal events. Values only, no input or output.

`frames` is the envelope every byte stream and every journal file uses,
`messages` what client and agent say to each other, `events` what a kernel
writes down about its runs, `state` how the two namespaces are kept one.
The formats are specified in `docs/design/protocol.md`.
"""
