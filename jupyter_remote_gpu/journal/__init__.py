"""Runs and their events, as they lie on a machine's disk.

A kernel appends (`agent/kernel/writer`), everyone else reads: `cursor` from
any number on, `runs` as one record a run. The format is specified in
`docs/design/journal.md`.
"""
