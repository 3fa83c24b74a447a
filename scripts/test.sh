#!/bin/sh
# test.sh FOLDER [pytest arguments]: the whole suite; says what had to be left out, and why.
#
# Without arguments: WORKERS processes beside each other (two for each processor, as tests wait more
# than they compute), and then, one after another, the tests that need the computer for themselves.
# With arguments: one process, as pytest does by itself. LONG=1 adds the tests marked `long`.
set -u
bin=$1/bin
folder=$1
shift
# Kernels of tests start by the hundred: compiled once, they start in half the time.
unset PYTHONDONTWRITEBYTECODE
left_out=""
markers=""
marked() { markers="${markers:+$markers and }$1"; }
leave_out() {
    marked "not $1"
    left_out="$left_out
    tests marked '$1': $2"
}

if reason=$(sh scripts/browser.sh 2>&1 >/dev/null); then :; else leave_out browser "$reason"; fi
reason=$(sh scripts/sshd.sh 2>&1 >/dev/null) || left_out="$left_out
    tests of SSH that need more: $(printf '%s\n' "$reason" | tail -n 1)"
[ "$(id -u)" -eq 0 ] || leave_out root "this is not the root user"
if [ -f "$folder/without-torch" ]; then leave_out torch "$(cat "$folder/without-torch")"; fi
[ -n "${LONG:-}" ] || leave_out long "for \`make test-long\`"

run() { # pytest's own arguments
    echo "==> pytest${markers:+ -m '$markers'} $*"
    "$bin/python" -m pytest -rs ${markers:+-m "$markers"} "$@"
}
if [ $# -gt 0 ]; then
    run "$@"
    code=$?
else
    all=$markers
    marked "not alone"
    . scripts/workers.sh
    run -q -n "$workers" --dist loadfile --no-loadscope-reorder
    code=$?
    markers=$all
    marked alone
    run -q
    last=$?
    [ "$code" -ne 0 ] || code=$last
fi
if [ -n "$left_out" ]; then
    echo "==> left out, besides what is listed as SKIPPED:$left_out"
else
    echo "==> nothing was left out but what is listed as SKIPPED"
fi
exit "$code"
