"""Datasets on the machine: fetched once, unpacked, kept for all workspaces, and placed in them."""
