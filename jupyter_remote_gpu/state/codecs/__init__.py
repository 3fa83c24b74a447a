"""Encodings of arrays and tensors: their bytes stay where they are, only their shape is pickled."""
