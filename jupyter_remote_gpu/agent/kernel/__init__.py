"""The part inside a kernel on the machine.

It runs cells, writes the journal, and holds the remote half of the namespace.
It imports nothing of this package but errors, protocol, chunks and state, for
it is loaded into whatever environment the workspace has.
"""
