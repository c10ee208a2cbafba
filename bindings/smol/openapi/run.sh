#!/usr/bin/env bash
# Has schemathesis compare a server with openapi.yaml: run.sh FILE appends to FILE what is skipped, and why.
# What it sends is chosen by SEED.
set -euo pipefail
cd "$(dirname "$0")"
skipped=${1:-/dev/null}
seed=${SEED:-7}

missing() {
    echo "tests of the OpenAPI document: $1" >&2
    [ "${CI:-}" = true ] && exit 1
    echo "tests of the OpenAPI document: $1" >>"$skipped"
    exit 0
}

cargo build --quiet --locked -p tidings-smol
target=${CARGO_TARGET_DIR:-$(cd ../../.. && pwd)/target}
tidings=$target/debug/tidings
venv=$target/schemathesis
if ! "$venv/bin/pip" freeze 2>/dev/null | cmp -s - requirements.txt; then
    # Debian has venv without what makes one in a package of its own.
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null && [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ]; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null ||
            { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null; }
    fi
    rm -rf "$venv"
    python3 -m venv "$venv" || missing "install python3 with venv"
    "$venv/bin/pip" install --quiet --no-deps --requirement requirements.txt ||
        missing "pip cannot install schemathesis"
fi

work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
head -c 48 /dev/urandom | base64 -w0 >"$work/secret"
# Streams end after a second, so that each answer does.
"$tidings" serve --listen 127.0.0.1:0 --max-age 1s --jwt-secret-file "$work/secret" >"$work/out" 2>"$work/err" &
server=$!
for _ in $(seq 100); do
    url=$(sed -n 's/^Tidings is listening on //p' "$work/out")
    [ -n "$url" ] && break
    sleep 0.1
done
token=$("$tidings" token --secret-file "$work/secret" --algorithm HS256 --user ada --expires 1h \
    --subscribe '**' --grant '**' --publish '**' --publish-private '**' --publish-direct --metrics --admin)

document=$PWD/openapi.yaml
# What it remembers of a run goes with it.
cd "$work"
compare() {
    "$venv/bin/st" run "$document" --url "$url" --header "Authorization: Bearer $token" --seed "$seed" \
        --generation-database none --request-timeout 10 --warnings off --no-color "$@"
}
# One at a time: Python before 3.12 cannot read lambdas in two threads at once.
# What the document allows can still be refused: a revoked user, a connection that is not there.
unfit=positive_data_acceptance
compare --exclude-path /events --exclude-path /poll --exclude-path /ws --max-examples 60 --exclude-checks "$unfit"
# Those that wait take a second each.
compare --include-path /poll --max-examples 15 --phases examples,coverage,fuzzing --exclude-checks "$unfit"
# Whatever else is wrong, what is no WebSocket is told so first.
compare --include-path /ws --max-examples 15 --phases coverage,fuzzing \
    --exclude-checks "$unfit,negative_data_rejection"
# A soft refusal is a stream, too.
compare --include-path /events --max-examples 15 --phases examples,fuzzing \
    --exclude-checks "$unfit,negative_data_rejection"
kill -0 "$server"
