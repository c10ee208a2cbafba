#!/usr/bin/env bash
# Counts the instructions of the most important paths, and fails where one takes more than it may.
# Installs the runner that belongs to the library, into the target directory; valgrind has to come
# from the system, and is installed from there by root.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-$PWD/target}

if ! command -v valgrind >/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "counting instructions: install valgrind" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends valgrind >/dev/null ||
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends valgrind >/dev/null; }
fi

version=$(cargo pkgid --locked gungraun-runner)
version=${version##*[@#]}
tools=$target/tools/gungraun-$version
export GUNGRAUN_RUNNER=$tools/bin/gungraun-runner
[ -x "$GUNGRAUN_RUNNER" ] ||
    cargo install --quiet --locked --root "$tools" gungraun-runner --version "$version"
exec cargo bench --locked -p tidings-bench --bench instructions
