#!/usr/bin/env bash
# The gateway beside HAProxy and nginx. Says what is missing, builds, and runs the bench (README.md).
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin" # Debian keeps haproxy and nginx there

missing=0
need() { command -v "$1" >/dev/null || { echo "missing: $1. $2" >&2; missing=1; }; }
need cargo "Install Rust from https://rustup.rs."
need cc "Install a C compiler: apt-get install gcc libc6-dev."
need haproxy "Install it: apt-get install haproxy."
need nginx "Install it: apt-get install nginx-light."
need setpriv "Install it: apt-get install util-linux."

named=0
flags=()
for argument in "$@"; do
  case "$argument" in
  --binary | --binary=* | -h | --help) named=1 ;;
  --layout | --layout=*)
    need valgrind "Install it: apt-get install valgrind."
    flags=(-C strip=none) # functions are told by their names,
    export WITHOUT_LAYOUT=1 # and valgrind knows those of one section
    ;;
  esac
done
[ "$missing" = 0 ] || exit 1
target="${CARGO_TARGET_DIR:-target}/release"
if [ "$named" = 0 ]; then
  cargo rustc --release --package openai-proxy --bin openai-proxy -- "${flags[@]}"
  set -- --binary "$target/openai-proxy" "$@"
fi
cargo build --release --package bench
exec "$target/bench" run "$@"
