# workers.sh, to be read by another script: sets `workers`, the processes that share the tests.
# Two for each processor: a test waits for kernels, links and clocks more than it computes.
workers=${WORKERS:-$(($(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1) * 2))}
[ "$workers" -le 16 ] || workers=16
