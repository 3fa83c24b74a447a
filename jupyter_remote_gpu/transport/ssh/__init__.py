"""The way to a machine through the user's own OpenSSH: one command there, its streams our bytes."""
