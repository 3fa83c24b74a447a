#!/bin/sh
# test.sh FOLDER [pytest arguments]: the whole suite; says what had to be left out, and why.
set -u
bin=$1/bin
folder=$1
shift
left_out=""
markers=""
leave_out() {
    markers="${markers:+$markers and }not $1"
    left_out="$left_out
    tests marked '$1': $2"
}

if reason=$(sh scripts/browser.sh 2>&1 >/dev/null); then :; else leave_out browser "$reason"; fi
reason=$(sh scripts/sshd.sh 2>&1 >/dev/null) || left_out="$left_out
    tests of SSH that need more: $(printf '%s\n' "$reason" | tail -n 1)"
[ "$(id -u)" -eq 0 ] || leave_out root "this is not the root user"
if [ -f "$folder/without-torch" ]; then leave_out torch "$(cat "$folder/without-torch")"; fi

echo "==> pytest${markers:+ -m '$markers'} $*"
"$bin/python" -m pytest ${markers:+-m "$markers"} "$@"
code=$?
if [ -n "$left_out" ]; then
    echo "==> left out:$left_out"
else
    echo "==> nothing was left out"
fi
exit "$code"
