"""The terminal: `remote-gpu`, one file a group of commands."""
