"""State of the process that is part of what a notebook means: seeds, options, folders."""
