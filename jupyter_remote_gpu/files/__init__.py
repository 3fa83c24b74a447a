"""Files: the project's tree, what of it travels, and how a tree becomes another one."""
