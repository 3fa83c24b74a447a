"""Notebooks that train on real input, and the commands that run, refresh and compare them."""
