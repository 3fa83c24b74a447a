"""Bytes to an agent and back.

A `Transport` knows the way to one machine's agent and gives connected
sockets; `streams` puts frames on them. What is said is `protocol`'s matter.
"""
