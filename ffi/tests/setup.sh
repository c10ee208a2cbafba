#!/usr/bin/env bash
# Installs what the tests in C need, with CI=true; elsewhere they say themselves what they skip.
set -euo pipefail

[ "${CI:-}" = true ] || exit 0
missing=()
for tool in cc:gcc gcc:gcc g++:g++ clang:clang clang++:clang valgrind:valgrind nm:binutils readelf:binutils \
    curl:curl pkg-config:pkg-config cmake:cmake make:make strip:binutils; do
    command -v "${tool%%:*}" >/dev/null || missing+=("${tool##*:}")
done
for library in libuv:libuv1-dev libcurl:libcurl4-openssl-dev; do
    pkg-config --exists "${library%%:*}" 2>/dev/null || missing+=("${library##*:}")
done
[ ${#missing[@]} -gt 0 ] || exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; }
