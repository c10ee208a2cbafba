#!/usr/bin/env bash
# Builds and tests the npm package, or measures it, or soaks it: run.sh FILE [bench ARGUMENT... | soak]
# appends to FILE what is skipped, and why.
set -euo pipefail
cd "$(dirname "$0")/.."
skipped=${1:-/dev/null}
shift || true
status=0
../npm-setup.sh "$PWD" "tests of the npm package" "$skipped" || status=$?
[ "$status" = 3 ] && exit 0
[ "$status" = 0 ] || exit "$status"
npm run --silent build
if [ "${1:-}" = bench ]; then
    shift
    status=0
    npm run --silent bench -- "$@" || status=$?
    npm run --silent bench:hub -- "$@" || status=$?
    exit "$status"
fi
if [ "${1:-}" = soak ]; then
    TIDINGS_SOAK=true exec npm run --silent soak
fi
npm run --silent types
../npm-setup.sh "$PWD/../smol/tests/browser" "tests of the npm package in Chromium" "$skipped" /usr/bin/chromium || status=$?
case "$status" in
0) export TIDINGS_CHROMIUM=true ;;
3) ;;
*) exit "$status" ;;
esac
cargo build --quiet --locked -p tidings-smol
target=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}
export TIDINGS=${TIDINGS:-$target/debug/tidings}
exec npm test --silent
