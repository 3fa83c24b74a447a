"""Benchmarks: each row measures ours and its rival, or the physical limit, in the same run.

    python -m benchmarks [NAME…] [--rounds N] [--quick] [--json FILE]

`docs/benchmarks.md` says what each row means.
"""
