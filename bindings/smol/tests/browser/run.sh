#!/usr/bin/env bash
# Runs the tests with real clients on the program that was built: run.sh FILE [TEST...] appends to FILE what
# is skipped, and why.
set -euo pipefail
cd "$(dirname "$0")"
status=0
../../../npm-setup.sh "$PWD" "tests with real clients" "${1:-/dev/null}" curl openssl /usr/bin/chromium || status=$?
[ "$status" = 3 ] && exit 0
[ "$status" = 0 ] || exit "$status"
target=${CARGO_TARGET_DIR:-$(cd ../../../.. && pwd)/target}
export TIDINGS=${TIDINGS:-$target/debug/tidings}
exec npm test --silent -- "${@:2}"
