#!/usr/bin/env bash
# Builds and tests the browser package: run.sh FILE appends to FILE what is skipped, and why.
set -euo pipefail
cd "$(dirname "$0")/.."
skipped=${1:-/dev/null}
status=0
../npm-setup.sh "$PWD" "tests of the browser package" "$skipped" || status=$?
[ "$status" = 3 ] && exit 0
[ "$status" = 0 ] || exit "$status"
npm run --silent build
npm run --silent types
npm test --silent
../npm-setup.sh "$PWD/../smol/tests/browser" "tests of the browser package in Chromium" "$skipped" /usr/bin/chromium ||
    status=$?
[ "$status" = 3 ] && exit 0
[ "$status" = 0 ] || exit "$status"
if [ -z "${TIDINGS:-}" ]; then
    cargo build --quiet --locked -p tidings-smol
    export TIDINGS=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}/debug/tidings
fi
exec npm run --silent test:chromium
