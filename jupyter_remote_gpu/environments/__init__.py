"""Environments: which packages a notebook uses here, and the same ones on a machine."""
