#!/bin/sh
# setup-env.sh FOLDER EXTRAS TORCH: a virtual environment with this project in it, made once.
#
# EXTRAS ends in `,torch` (it goes first and apart). TORCH is `required`, or `wanted` (left out with a line of reason when it cannot be had).
# A stamp in the folder holds the digest of everything the environment follows from; while that
# stands, a second call does nothing. pip's own talk goes to FOLDER/install.log.
set -eu
folder=$1 extras=$2 torch=$3
python=${PYTHON:-python3}

say() { echo "==> $*"; }
fail() {
    echo "==> $*" >&2
    if [ -f "$log" ]; then tail -n 15 "$log" >&2; echo "==> the whole log: $log" >&2; fi
    rm -f "$folder/stamp"
    exit 1
}
log=$folder/install.log

command -v "$python" >/dev/null 2>&1 ||
    fail "There is no '$python' here. Install Python 3.10 or newer, or name one: make PYTHON=/path/to/python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "$("$python" --version) is too old: this project needs Python 3.10 or newer. Name one: make PYTHON=/path/to/python3"

stamp=$("$python" -c '
import hashlib, sys
digest = hashlib.sha256(repr((sys.version, sys.executable, sys.argv[1:3])).encode())
for name in sys.argv[3:]:
    digest.update(open(name, "rb").read())
print(digest.hexdigest())
' "$extras" "$torch" pyproject.toml tests/constraints.txt scripts/setup-env.sh)
if [ -x "$folder/bin/python" ] && [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi

say "making $folder with $("$python" --version)"
rm -rf "$folder"
"$python" -m venv "$folder" || {
    log=/dev/null
    fail "A virtual environment could not be made (on Debian: apt-get install python3-venv)."
}
pip() { "$folder/bin/python" -m pip --disable-pip-version-check "$@" >>"$log" 2>&1; }

# torch goes first and alone: another package's wish for `torch` then finds it there.
say "installing PyTorch, the release in tests/constraints.txt (log: $log)"
rm -f "$folder/without-torch"
if ! pip install --only-binary torch -c tests/constraints.txt torch; then
    reason="no wheel of $(grep '^torch==' tests/constraints.txt) could be installed for $("$python" --version)"
    [ "$torch" = wanted ] || fail "$reason, and this needs it."
    say "left out: PyTorch; $reason"
    echo "$reason" >"$folder/without-torch"
fi
say "installing the project with its extras [$extras]: one to three minutes the first time"
[ ! -f "$folder/without-torch" ] || extras=${extras%,torch}
# uv does in seconds what pip does in minutes. It does not read pip's files of settings: where it cannot
# reach what it needs, pip does it. A folder of wheels that is named to pip is named to uv too.
UV_FIND_LINKS=${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}
if [ -n "$UV_FIND_LINKS" ]; then export UV_FIND_LINKS; else unset UV_FIND_LINKS; fi
{ pip install -c tests/constraints.txt uv &&
    "$folder/bin/uv" pip install --python "$folder/bin/python" --compile-bytecode \
        -c tests/constraints.txt -e ".[$extras]" >>"$log" 2>&1; } ||
    pip install -c tests/constraints.txt -e ".[$extras]" || fail "The installation did not succeed."
echo "$stamp" >"$folder/stamp"
say "$folder is ready"
