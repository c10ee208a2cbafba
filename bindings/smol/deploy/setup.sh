#!/usr/bin/env bash
# Installs the proxies that tests are run with, with CI=true; elsewhere the tests say what they skip.
set -euo pipefail

[ "${CI:-}" = true ] || exit 0
PATH=$PATH:/usr/sbin
missing=()
for tool in nginx haproxy; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
[ ${#missing[@]} -gt 0 ] || exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; }
