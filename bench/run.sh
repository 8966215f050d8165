#!/usr/bin/env bash
# Load and latency beside HAProxy. Says what is missing, builds the release binary unless one is named, runs run.py.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin" # Debian keeps haproxy and nginx there

missing=0
need() { command -v "$1" >/dev/null || { echo "missing: $1. Install it: apt-get install $2." >&2; missing=1; }; }
need python3 python3
need haproxy haproxy
need nginx nginx-light
need wrk wrk
[ "$missing" = 0 ] || exit 1

named=0
for argument in "$@"; do
  case "$argument" in --binary | --binary=* | -h | --help) named=1 ;; esac
done
if [ "$named" = 0 ]; then
  cargo build --release --package openai-proxy
  set -- --binary "${CARGO_TARGET_DIR:-target}/release/openai-proxy" "$@"
fi
exec python3 bench/run.py "$@"
