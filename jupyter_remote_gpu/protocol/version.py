"""The versions that two ends compare before they say anything else."""

from __future__ import annotations

PROTOCOL_VERSION = 1
"""Raised when an older peer could misread what this one writes."""

KERNEL_PROTOCOL = 1
"""Raised when an agent or a client could misread what a kernel of another version says."""

MAGIC = b"JRGPU\x00\x00\x01"
"""First bytes in both directions: tells our stream from a shell's banner."""
