#!/usr/bin/env bash
# Installs what tests in JavaScript need, or says what is skipped without it: npm-setup.sh DIRECTORY WHAT
# FILE [TOOL...] appends a line about WHAT to FILE where something is not there, and ends with status 3.
# With CI=true nothing is skipped: it installs or fails.
set -euo pipefail
cd "$1"
what=$2
skipped=$3
shift 3

missing() {
    echo "$what: $1" >&2
    [ "${CI:-}" = true ] && exit 1
    echo "$what: $1" >>"$skipped"
    exit 3
}

install() {
    [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
}

for tool in "$@"; do
    command -v "$tool" >/dev/null || install "${tool##*/}" || missing "install ${tool##*/}"
done
command -v node >/dev/null && command -v npm >/dev/null || install nodejs npm ||
    missing "install Node.js 20 or newer, with npm"
node -e 'process.exit(+process.versions.node.split(".")[0] >= 20 ? 0 : 1)' ||
    missing "Node.js 20 or newer is needed, this is $(node --version)"
# What is installed already stays, so that tests which run from there can go on.
installed=node_modules/.installed
cmp -s package-lock.json "$installed" ||
    { npm ci --silent --no-audit --no-fund && cp package-lock.json "$installed"; } ||
    missing "npm cannot install their packages"
