#!/usr/bin/env bash
# Instructions that each step of a message's way takes, as valgrind's callgrind
# counts them: the same on every run, where seconds are not. Each step runs
# 10,000 and 20,000 times, and what the second run has more is divided.
#
#   integration/bench/instructions.sh [STEP ...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
command -v valgrind >/dev/null || { echo "needs valgrind" >&2; exit 1; }

target=//rafthttp/peer:hot_path
./bazelw build --config=opt "$target" 2>/dev/null
program=$(./bazelw info --config=opt bazel-bin 2>/dev/null)/rafthttp/peer/hot_path

count() { # step times
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$2" 2>&1 |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}
steps=("$@")
[ $# -gt 0 ] || readarray -t steps < <("$program")
for step in "${steps[@]}"; do
  once=$(count "$step" 10000)
  twice=$(count "$step" 20000)
  printf '%-18s %5d instructions\n' "$step" $(((twice - once) / 10000))
done
