#!/usr/bin/env bash
# The programs that measure, run for an instant: so that they keep working. What
# they measure is not looked at, but that nothing was lost.
set -euo pipefail

peer=integration/bench/peer/peer
expect() { # text, program and flags
  local text=$1 out
  shift
  out=$("$@")
  case $out in *"$text"*) ;; *)
    echo "no $text in what this printed: $*" >&2
    echo "$out" >&2
    exit 1
    ;;
  esac
}
short=(--inproc --warmup 50ms --duration 100ms --json)
expect '"dropped":0' $peer --mode send --check --size 128 "${short[@]}"
expect '"dropped":0' $peer --mode send --plain --check --entries 4 "${short[@]}"
expect '"dropped":0' $peer --mode send --type heartbeat "${short[@]}"
expect '"dropped":0' $peer --mode send --rate 1000 "${short[@]}"
expect '"dropped":0' $peer --mode pingpong --size 128 "${short[@]}"
expect '"sha_ok":2' $peer --mode snapsend --snap-bytes 3000000 --count 2 \
  --data-dir "$TEST_TMPDIR" --inproc --json

expect rafthttp integration/bench/compare/compare --rounds 1 --seconds 0.1 hb delay
