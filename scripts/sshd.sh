#!/bin/sh
# sshd.sh: sees to it that the tests of SSH have their tools, installing Debian's where possible:
# an OpenSSH server and client, ip (iproute2) and a C compiler, and login shells to log in with.
# What is missing in the end is said on stderr, and the status is 1; without the server, 2.
set -u
PATH="$PATH:/usr/sbin:/sbin"
tools="sshd:openssh-server ssh:openssh-client ip:iproute2 cc:gcc nsenter:util-linux fish:fish
tcsh:tcsh csh:csh zsh:zsh"
missing() {
    for pair in $tools; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || printf '%s ' "${pair#*:}"
    done
}
wanted=$(missing)
[ -z "$wanted" ] && exit 0
left=$wanted
if ! command -v apt-get >/dev/null 2>&1; then
    why="there is no apt-get to install them"
elif [ "$(id -u)" -ne 0 ]; then
    why="only root may install them"
else
    echo "==> installing $wanted for the tests of SSH" >&2
    log=$(mktemp)
    why="apt-get could not install them (log: $log)"
    DEBIAN_FRONTEND=noninteractive apt-get update >"$log" 2>&1 </dev/null
    for package in $wanted; do
        # policy-rc.d: the server is for the tests to start, not for the system
        DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
            apt-get install -y --no-install-recommends "$package" >>"$log" 2>&1 </dev/null
    done
    left=$(missing)
fi
[ -z "$left" ] && exit 0
echo "not installed: $left; $why" >&2
command -v sshd >/dev/null 2>&1 && command -v ssh >/dev/null 2>&1 || exit 2
exit 1
