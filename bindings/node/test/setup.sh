#!/usr/bin/env bash
# Installs what the tests of the npm package need, or says what is skipped without it: setup.sh FILE
# appends a line to FILE for each thing. With CI=true nothing is skipped: it installs or fails.
set -euo pipefail
cd "$(dirname "$0")/.."
skipped=${1:-/dev/null}

missing() {
    echo "$1" >&2
    [ "${CI:-}" = true ] && exit 1
    echo "$1" >>"$skipped"
    exit 3
}

install() {
    [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
}

command -v node >/dev/null && command -v npm >/dev/null || install nodejs npm ||
    missing "tests of the npm package: install Node.js 20 or newer, with npm"
node -e 'process.exit(+process.versions.node.split(".")[0] >= 20 ? 0 : 1)' ||
    missing "tests of the npm package: Node.js 20 or newer is needed, this is $(node --version)"
npm ci --silent --no-audit --no-fund ||
    missing "tests of the npm package: npm cannot install what they need"
