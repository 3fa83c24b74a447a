"""The versions that two ends compare before they say anything else."""

from __future__ import annotations

PROTOCOL_VERSION = 1
"""Raised when an older peer could misread what this one writes."""

MAGIC = b"JRGPU\x00\x00\x01"
"""First bytes in both directions: tells our stream from a shell's banner."""
