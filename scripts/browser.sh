#!/bin/sh
# browser.sh: prints the path of a headless Chromium, installing Debian's where that is possible.
# Without one it prints nothing, says why on stderr, and ends with 1.
set -eu
find_one() {
    for name in chromium-headless-shell chromium chromium-browser google-chrome; do
        command -v "$name" && return 0
    done
    return 1
}
find_one && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "there is no Chromium here and no apt-get to install one" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "there is no Chromium here and only root may install one (apt-get install chromium-headless-shell)" >&2
    exit 1
fi
echo "==> installing chromium-headless-shell for the browser tests" >&2
log=$(mktemp)
if ! { DEBIAN_FRONTEND=noninteractive apt-get update &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium-headless-shell; } \
    >"$log" 2>&1 </dev/null; then
    tail -n 5 "$log" >&2
    echo "apt-get could not install chromium-headless-shell (log: $log)" >&2
    exit 1
fi
find_one || { echo "chromium-headless-shell was installed but is not on PATH" >&2; exit 1; }
