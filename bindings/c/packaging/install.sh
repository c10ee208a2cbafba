#!/usr/bin/env bash
# Builds the libraries for C and C++ and installs them, with headers, pkg-config files and a CMake
# package; for Linux. `make install` runs it.
#
#   PREFIX=/usr/local LIBDIR=$PREFIX/lib INCLUDEDIR=$PREFIX/include DESTDIR= bindings/c/packaging/install.sh
#
# There are two, with the same functions: tidings, and tidings_pure, which has no engine and is built for
# size, not speed. Until 1.0 the minor version is in the name of a shared library, as cargo-c has it:
# libtidings.so.0.1.
set -euo pipefail
cd "$(dirname "$0")/../../.."

[ "$(uname -s)" = Linux ] || { echo "this installs on Linux; elsewhere use cargo-c, see ffi/Cargo.toml" >&2; exit 1; }

prefix=${PREFIX:-/usr/local}
libdir=${LIBDIR:-$prefix/lib}
includedir=${INCLUDEDIR:-$prefix/include}
for directory in "$prefix" "$libdir" "$includedir"; do
  case $directory in
    /*) ;;
    *) echo "$directory: PREFIX, LIBDIR and INCLUDEDIR begin with /" >&2; exit 2 ;;
  esac
done
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
soversion=${version%%.*}
[ "$soversion" != 0 ] || soversion=${version%.*}
built=$(realpath -m "${CARGO_TARGET_DIR:-target}/package")
staged=$built/staged
mkdir -p "$staged"

# build NAME PROFILE [FEATURES]: a shared and a static library of that name. With a Rust library beside them, as
# the manifest has it, there would be no optimising across crates.
build() {
  local name=$1 profile=$2
  shift 2
  cargo rustc -q --locked -p tidings-ffi --lib --crate-type cdylib,staticlib \
    --profile "$profile" --target-dir "$built" "$@" \
    -- -C "link-arg=-Wl,-soname,lib$name.so.$soversion" --print "native-static-libs=$staged/$name.libs"
  install -m 755 "$built/$profile/libtidings.so" "$staged/lib$name.so"
  install -m 644 "$built/$profile/libtidings.a" "$staged/lib$name.a"
}

# What a program that takes the static library links with beside it. The compiler has its own idea of
# which libgcc it needs, and of libc.
native() {
  sed 's/-lgcc_s\>//g; s/-lc\>//g; s/^ *//; s/ *$//; s/  */ /g' "$staged/$1.libs" | head -n 1
}

# fill TEMPLATE FILE [NAME=VALUE...]
fill() {
  local template=bindings/c/packaging/$1 file=$DESTDIR$2 script=() pair
  shift 2
  for pair in VERSION="$version" SOVERSION="$soversion" PREFIX="$prefix" LIBDIR="$libdir" \
    INCLUDEDIR="$includedir" "$@"; do
    script+=(-e "s|@${pair%%=*}@|${pair#*=}|g")
  done
  install -d "$(dirname "$file")"
  sed "${script[@]}" "$template" >"$file"
  chmod 644 "$file"
}

libraries() {
  local name=$1
  install -m 755 "$staged/lib$name.so" "$DESTDIR$libdir/lib$name.so.$version"
  ln -sf "lib$name.so.$version" "$DESTDIR$libdir/lib$name.so.$soversion"
  ln -sf "lib$name.so.$soversion" "$DESTDIR$libdir/lib$name.so"
  install -m 644 "$staged/lib$name.a" "$DESTDIR$libdir/"
}

build tidings_pure installed-small
build tidings installed --features engine

DESTDIR=${DESTDIR:-}
install -d "$DESTDIR$libdir" "$DESTDIR$includedir"
install -m 644 ffi/include/tidings.h bindings/c/include/tidings.hpp "$DESTDIR$includedir/"
libraries tidings
libraries tidings_pure
fill tidings.pc.in "$libdir/pkgconfig/tidings.pc" NAME=tidings NATIVE="$(native tidings)" \
  DESCRIPTION="Server-Sent Events: decoder, hub, client and engine"
fill tidings.pc.in "$libdir/pkgconfig/tidings-pure.pc" NAME=tidings_pure NATIVE="$(native tidings_pure)" \
  DESCRIPTION="Server-Sent Events: decoder, hub and client, without the engine"
fill tidingsConfig.cmake.in "$libdir/cmake/tidings/tidingsConfig.cmake" \
  INCLUDE_FROM_LIB="$(realpath -ms --relative-to="$libdir" "$includedir")" \
  NATIVE_ENGINE="$(native tidings | tr ' ' ';')" NATIVE_PURE="$(native tidings_pure | tr ' ' ';')"
fill tidingsConfigVersion.cmake.in "$libdir/cmake/tidings/tidingsConfigVersion.cmake" \
  POINTER_BYTES="$(($(getconf LONG_BIT) / 8))"
echo "installed tidings $version in ${DESTDIR}$prefix"
