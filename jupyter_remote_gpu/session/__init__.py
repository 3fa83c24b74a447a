"""A notebook's use of a machine, from the user's side.

`session` runs a cell there in five steps: capture, sync, run, follow,
restore. `client` keeps the connection to the agent, `peer` the line that
values take, `front_end` says what a session needs to show things.
"""
