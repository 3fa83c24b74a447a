"""The shell script of the first look at a machine: it changes nothing but tries out folders.

It needs `/bin/sh` and what POSIX has; what else a machine lacks is found out by
it. Each line it prints is `key=value`, fields divided by `|`. What may take long
(a driver's tools, interpreters on a cold disk) runs side by side.
"""

from __future__ import annotations

LOOK = r"""
printf '%s\n' "$mark"
say() { printf '%s=%s\n' "$1" "$2"; }
within() { if command -v timeout >/dev/null 2>&1; then timeout "$@"; else shift; "$@"; fi; }

nvidia() {
  found=$(within 10 nvidia-smi --query-gpu=name,memory.total,driver_version \
    --format=csv,noheader,nounits 2>/dev/null) && [ -n "$found" ] &&
    printf '%s\n' "$found" | while IFS= read -r line; do say nvidia "$line"; done && return
  # a container without the tool, or a tool that hangs: the driver tells by itself
  [ -r /proc/driver/nvidia/version ] || return
  driver=$(sed -n 's/.*Kernel Module[^0-9]*\([0-9][0-9.]*\).*/\1/p' /proc/driver/nvidia/version)
  for card in /proc/driver/nvidia/gpus/*/information; do
    [ -r "$card" ] && say nvidia "$(sed -n 's/^Model:[[:space:]]*//p' "$card"), 0, $driver"
  done
}
amd() {
  [ -d {sys}/module/amdgpu ] || return
  release=$(cat {rocm}/.info/version 2>/dev/null)
  for card in {sys}/class/drm/card[0-9] {sys}/class/drm/card[0-9][0-9]; do
    [ "$(cat "$card/device/vendor" 2>/dev/null)" = 0x1002 ] || continue
    say amd "$(cat "$card/device/product_name" 2>/dev/null)|$(
      cat "$card/device/mem_info_vram_total" 2>/dev/null)|$release"
  done
}
nvidia &
amd &

about='import ctypes, os, ssl, sys, zlib
v = "%d.%d" % sys.version_info[:2]
own = sys.prefix + "/bin/python" + v
found = [p + "/torch/version.py" for p in sys.path if os.path.isfile(p + "/torch/version.py")]
torch = {}
if found:
    exec(open(found[0]).read(), torch)
t = [str(torch.get(k) or "") for k in ("__version__", "cuda", "hip")]
print("|".join([v, own if os.access(own, os.X_OK) else sys.executable, sys.prefix, *t]))'
python() { found=$("$1" -I -c "$about" 2>/dev/null) && [ -n "$found" ] && say python "$found"; }

say system "$(uname -s)"
say processor "$(uname -m)"
say bits "$(getconf LONG_BIT 2>/dev/null)"
libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || ldd --version 2>&1 | head -n 2 | tr '\n' ' ')
case $libc in *[0-9].[0-9]*|*musl*) ;; *)
  for file in /lib/ld-musl-*.so.1; do [ -e "$file" ] && libc=musl; done
  for file in /lib/*/libc.so.6 /lib64/libc.so.6 /lib/libc.so.6 /usr/lib/*/libc.so.6; do
    [ -x "$file" ] && libc=$("$file" 2>/dev/null | head -n 1) && break
  done
esac
say libc "$libc"
say clock "$(date +%s)"
for tool in tar gzip dd; do command -v $tool >/dev/null 2>&1 || say lacks $tool; done
dd bs=1 count=0 iflag=fullblock </dev/null >/dev/null 2>&1 ||
  say lacks "dd that knows iflag=fullblock"

pythons=
for base in "${XDG_DATA_HOME:-$HOME/.local/share}" "$HOME" /var/tmp; do
  folder=$base/jupyter_remote_gpu
  [ "$base" = /var/tmp ] && folder=/var/tmp/jupyter_remote_gpu-$(id -u)
  why=
  if ! mkdir -p "$folder" 2>/dev/null || ! chmod 700 "$folder" 2>/dev/null; then why='not writable'
  else
    try=$folder/.try-$$
    if ! { printf '#!/bin/sh\nexit 0\n' >"$try" && chmod 700 "$try"; } 2>/dev/null; then
      why='not writable'
    elif ! "$try" 2>/dev/null; then why='programs cannot be run from there (noexec)'
    fi
    rm -f "$try" 2>/dev/null
    [ -z "$why" ] || rmdir "$folder" 2>/dev/null
  fi
  if [ -n "$why" ]; then say unusable "$folder: $why"; continue; fi
  say base "$folder"
  df -Pk "$folder" 2>/dev/null | { read -r _; read -r _ _ _ free _; say free "$free"; }
  for part in agents parts pythons; do
    for name in "$folder/$part"/*; do [ -d "$name" ] && say there "$name"; done
  done
  pythons=$folder/pythons/*/bin/python3.1[0-9]
  break
done
n=0
for name in python3.13 python3.12 python3.11 python3.10 python3 python; do
  found=$(command -v $name 2>/dev/null) && { python "$found" & }
done
for found in "$VIRTUAL_ENV"/bin/python "$CONDA_PREFIX"/bin/python $pythons \
  /opt/conda/bin/python3 /opt/conda/envs/*/bin/python3 /opt/*/bin/python3 /venv/bin/python3 \
  /venv/*/bin/python3 /usr/local/bin/python3 "$HOME"/*conda*/bin/python3 \
  "$HOME"/miniforge*/bin/python3 "$HOME"/.pyenv/versions/*/bin/python3 \
  "$HOME"/.venv/bin/python3 "$HOME"/venv/bin/python3 \
  "$HOME"/.local/share/uv/python/*/bin/python3; do
  [ -x "$found" ] || continue
  n=$((n + 1))
  [ $n -le 24 ] && { python "$found" & }
done
wait
say end end
"""

LISTEN = r"""
while read -r n; do eval "$(dd bs=1 count="$n" 2>/dev/null)" || exit; done
"""
"""Behind another script: takes further ones, as `Channel.run` sends them."""


def look_script(sys: str = "/sys", rocm: str = "/opt/rocm") -> str:
    """Return the script; tests let it see another `/sys` and ROCm."""
    return LOOK.replace("{sys}", sys).replace("{rocm}", rocm)
