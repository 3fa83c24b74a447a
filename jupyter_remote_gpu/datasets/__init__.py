"""Datasets: what an address means, which version and files it is, and how a machine gets them."""
