"""State that belongs to the process yet is part of what a notebook means: seeds, options, folders."""
