#!/usr/bin/env bash
# Installs the library below target/ by cargo-c, sees that it is what `make install` gives, and builds a
# program from there. cargo-c is installed where it is missing, which takes minutes. `make package` runs it.
set -euo pipefail
cd "$(dirname "$0")/../../.."

# The last one that the compiler which the manifest asks for can build.
cargo_c=cargo-c@0.10.24
fail() { echo "cargo-c: $*" >&2; exit 1; }

for tool in cc nm readelf pkg-config; do
  command -v "$tool" >/dev/null || fail "install $tool first"
done
if ! command -v cargo-cinstall >/dev/null && ! cargo install --locked "$cargo_c"; then
  [ "${CI:-}" != true ] || fail "it cannot be installed"
  echo "skipped: what cargo-c packages: it is not here and cannot be installed; cargo install --locked $cargo_c" >&2
  exit 0
fi

built=$(realpath -m "${CARGO_TARGET_DIR:-target}/package")
work=$(mktemp -d)
# shellcheck disable=SC2064
trap "rm -rf $work" EXIT
unset PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR DESTDIR LIBDIR INCLUDEDIR

cargo cinstall --locked -p tidings-ffi --prefix /usr --libdir /usr/lib --destdir "$work/cargo-c" --target-dir "$built"
PREFIX=/usr DESTDIR=$work/make bindings/c/packaging/install.sh

# The same files, but for the library without the engine and for CMake.
listed() { (cd "$work/$1" && find . ! -type d | grep -v -e pure -e /cmake/ | sort); }
diff <(listed make) <(listed cargo-c) || fail "it does not install the same files"
for header in tidings.h tidings.hpp; do cmp "$work/make/usr/include/$header" "$work/cargo-c/usr/include/$header"; done

# The same names and versions.
dynamic() { readelf --dynamic --wide "$work/$1/usr/lib/libtidings.so" | grep -o -e 'soname: .*' -e NODELETE; }
diff <(dynamic make) <(dynamic cargo-c) || fail "another shared library"
exported() { nm --dynamic --defined-only --format=posix "$work/$1/usr/lib/libtidings.so" | cut -d' ' -f1 | sort; }
diff <(exported make) <(exported cargo-c) || fail "other exports"

# The same for pkg-config; cargo-c names two libraries more that any compiler adds by itself.
package() { PKG_CONFIG_PATH=$work/$1/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work/$1 pkg-config "${@:2}"; }
said() {
  sed -n -e 's/^Name/&/p' -e 's/^Description/&/p' "$work/$1/usr/lib/pkgconfig/tidings.pc"
  package "$1" --modversion tidings
  package "$1" --cflags --libs --static tidings | sed "s#$work/$1##g" | tr -s ' ' '\n' | grep -vx -e -lgcc_s -e -lc | sort -u
}
diff <(said make) <(said cargo-c) || fail "pkg-config is told something else"

# A program, with either library.
says() { [ "$(printf 'data: hello\n\n' | LD_LIBRARY_PATH=$work/cargo-c/usr/lib "$1")" = "message: hello" ] || fail "$1 does not decode"; }
# shellcheck disable=SC2046
cc -o "$work/dynamic" bindings/c/examples/decode.c $(package cargo-c --cflags --libs tidings)
says "$work/dynamic"
# shellcheck disable=SC2046
cc -o "$work/static" bindings/c/examples/decode.c \
  $(package cargo-c --cflags --libs --static tidings | sed 's/-ltidings\>/-l:libtidings.a/')
says "$work/static"
needed() { readelf --dynamic --wide "$1" | grep -c 'NEEDED.*libtidings'; }
[ "$(needed "$work/dynamic"),$(needed "$work/static")" = 1,0 ] || fail "a program is linked otherwise"
echo "what cargo-c installs is what make install gives, and works"
