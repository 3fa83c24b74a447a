#!/bin/sh
# lint.sh FOLDER: every check that runs no code of ours; runs them all, then says which failed.
set -u
bin=$1/bin
failed=""
step() {
    echo "==> $1"
    name=$1
    shift
    "$@" || failed="$failed $name"
}
step ruff "$bin/ruff" check .
step mypy "$bin/mypy"
# import-linter reads the tree from the folder it is called in.
step lint-imports "$bin/lint-imports" --no-logo --config setup.cfg
for script in scripts/*.sh; do step "sh -n $script" sh -n "$script"; done
step "bash -n .ci/run" bash -n .ci/run
if [ -n "$failed" ]; then
    echo "==> failed:$failed" >&2
    exit 1
fi
