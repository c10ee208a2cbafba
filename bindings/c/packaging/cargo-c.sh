#!/usr/bin/env bash
# Installs the library below target/ by cargo-c, which is installed if it is not there, and sees that it
# is what `make install` gives. `make package` runs it.
set -euo pipefail
cd "$(dirname "$0")/../../.."

command -v cargo-cinstall >/dev/null || cargo install --locked cargo-c
fail() { echo "cargo-c: $*" >&2; exit 1; }

built=$(realpath -m "${CARGO_TARGET_DIR:-target}/package")
prefix=$built/cargo-c
rm -rf "$prefix"
for features in "" engine; do
  cargo cinstall --locked -p tidings-ffi --features "$features" --prefix "$prefix" --libdir "$prefix/lib" \
    --target-dir "$built"
done
so=$prefix/lib/libtidings.so
version=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --modversion tidings)
readelf --dynamic --wide "$so" | grep -q "SONAME.*\[libtidings.so.${version%.*}\]" || fail "wrong SONAME"
readelf --dynamic --wide "$so" | grep -q NODELETE || fail "it can be unloaded"
[ -f "$prefix/lib/libtidings.a" ] || fail "no static library"
cmp ffi/include/tidings.h "$prefix/include/tidings.h"
cmp bindings/c/include/tidings.hpp "$prefix/include/tidings.hpp"
# shellcheck disable=SC2046
cc -o "$prefix/decode" bindings/c/examples/decode.c \
  $(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs tidings)
said=$(printf 'data: hello\n\n' | LD_LIBRARY_PATH=$prefix/lib "$prefix/decode")
[ "$said" = "message: hello" ] || fail "decode says $said"
echo "what cargo-c installs works"
