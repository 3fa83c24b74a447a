"""The process on the machine: it owns kernels and serves their journals.

`python -m jupyter_remote_gpu.agent` runs it; `agent/kernel/` is the part that
lives inside the kernels it starts.
"""
