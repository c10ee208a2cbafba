#!/usr/bin/env bash
# Proves that the core builds without the standard library, on any host and with no extra target:
# the crate here compiles as long as nothing below it links std, and must not compile when it does.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-../../../target}/no-std"

cargo check --quiet --locked
cargo check --quiet --locked --features serde
if output=$(cargo check --quiet --locked --features std 2>&1); then
    echo "the proof proves nothing: it passes with the standard library too" >&2
    exit 1
elif ! grep -q 'E0152' <<<"$output"; then
    echo "$output" >&2
    exit 1
fi
echo "the core builds without the standard library, with serde too"
