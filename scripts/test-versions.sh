#!/bin/sh
# test-versions.sh FOLDER: the suite's core on every other Python found, and on Colab's packages.
#
# Core is what depends on the version: the wire, values, code and its analysis, cells in a kernel,
# archives and the web; and of that what needs no torch, no browser and no checker. Environments are
# made below .venv-versions by uv (which is in FOLDER) and kept while what they follow from stands.
set -u
# Kernels of tests start by the hundred: compiled once, they start in half the time.
unset PYTHONDONTWRITEBYTECODE
. scripts/workers.sh
uv=$1/bin/uv
root=.venv-versions
failed="" left_out="" done_=""

find_python() { # VERSION: a path of that Python that starts, or nothing
    for candidate in "$(command -v "python$1" 2>/dev/null)" "$HOME"/.pyenv/versions/"$1".*/bin/python3; do
        [ -n "$candidate" ] && "$candidate" -c '' >/dev/null 2>&1 && { echo "$candidate"; return 0; }
    done
    return 1
}

prepare() { # FOLDER PYTHON CONSTRAINTS: the environment, made if what it follows from has changed
    stamp=$("$2" --version; cat pyproject.toml "$3" scripts/test-versions.sh)
    [ -x "$1/bin/python" ] && [ "$(cat "$1/stamp" 2>/dev/null)" = "$stamp" ] && return 0
    rm -rf "$1"
    # uv does not read pip's settings; where a folder of wheels is named to pip, uv is told too.
    UV_FIND_LINKS=${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}
    if [ -n "$UV_FIND_LINKS" ]; then export UV_FIND_LINKS; else unset UV_FIND_LINKS; fi
    "$uv" venv -q --seed --no-python-downloads --python "$2" "$1" &&
        "$uv" pip install -q --python "$1/bin/python" --compile-bytecode -c "$3" -e ".[test]" &&
        echo "$stamp" >"$1/stamp"
}

core() { # NAME [pytest's own]: the core of the suite in that environment
    name=$1
    shift
    "$root/$name/bin/python" -m pytest -q -rs -m "not (browser or torch or slow or root or long)" \
        -o "cache_dir=$PWD/$root/$name/.pytest_cache" --durations=5 \
        tests/protocol tests/chunks tests/journal tests/machines tests/agent tests/datasets \
        tests/state/test_analysis.py tests/state/test_catalogue.py tests/state/test_coherence.py \
        tests/state/test_differential.py tests/state/test_found.py tests/state/test_landing.py \
        tests/state/test_moving.py tests/state/test_partition.py tests/state/test_pickling.py \
        tests/state/test_placeholders.py tests/state/ambient \
        tests/session/test_faults.py tests/session/test_survival.py \
        tests/magic/test_cell.py tests/magic/test_terminal.py "$@"
}

suite() { # NAME PYTHON CONSTRAINTS
    echo "==> $1: $("$2" --version) with $3"
    if ! prepare "$root/$1" "$2" "$3"; then
        failed="$failed $1(environment)"
        return
    fi
    # What fails under the load of so many runs is told from what fails by a second try, which is said.
    core "$1" -n "$workers" --dist loadfile --no-loadscope-reorder ||
        { echo "==> $1: the failed ones once more"; core "$1" --lf; } || failed="$failed $1"
    done_="$done_ $1"
}

if ! [ -x "$uv" ]; then
    "$1/bin/python" -m pip install -q --disable-pip-version-check uv ||
        { echo "==> left out: other Pythons; uv could not be installed" >&2; exit 1; }
fi
colab_python=""
# The oldest and the newest Python we promise; the ones between are ours and Colab's.
for version in 3.10 3.12 3.13; do
    if ! python=$(find_python "$version"); then
        left_out="$left_out
    Python $version: none is installed here"
    elif [ "$("$1/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$version" ]; then
        : # `make test` runs this one, with everything
    elif [ "$version" = 3.12 ]; then
        : # Colab's, below
    else
        suite "py$version" "$python" tests/constraints.txt
    fi
    if [ "$version" = 3.12 ] || [ -z "$colab_python" ]; then colab_python=${python:-$colab_python}; fi
done
# Colab itself is at Python 3.12.
if [ -n "$colab_python" ]; then suite colab "$colab_python" tests/constraints-colab.txt; fi

# One notebook over two Pythons: the notebook's on this one, its machine on each of the others.
for other in "$root"/py*/bin/python; do
    [ -x "$other" ] || continue
    echo "==> differential: a machine with $("$other" --version)"
    "$1/bin/python" -m tests.state.differential --host other --python "$other" \
        --notebooks 150 --seed 1 || failed="$failed differential($other)"
done

echo "==> ran:${done_:- none}"
[ -z "$left_out" ] || echo "==> left out:$left_out"
if [ -n "$failed" ]; then
    echo "==> failed:$failed" >&2
    exit 1
fi
