#!/usr/bin/env bash
# Installs into a directory of its own, and builds examples from there as people do: through pkg-config
# and through find_package, with the shared and the static libraries. `make c` runs it.
#
#   bindings/c/packaging/test.sh [FILE]   what is skipped is noted in the file too
set -euo pipefail
cd "$(dirname "$0")/../../.."

skipped=${1:-/dev/null}
for tool in cc c++ cmake pkg-config nm readelf strip curl; do
  command -v "$tool" >/dev/null && continue
  [ "${CI:-}" != true ] || { echo "$tool is missing" >&2; exit 1; }
  echo "tests of what is installed for C: install $tool" | tee -a "$skipped" >&2
  missing=1
done
[ -z "${missing:-}" ] || exit 0

work=$(mktemp -d)
server=
# shellcheck disable=SC2064
trap '[ -z "$server" ] || kill -9 "$server" 2>/dev/null; rm -rf "$work"' EXIT
fail() { echo "test of what is installed for C: $*" >&2; exit 1; }
most_pure_bytes=600000
prefix=$work/prefix
libdir=$prefix/lib
examples=$PWD/bindings/c/examples
warnings=(-Wall -Wextra -Wpedantic -Werror)
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir
unset PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR DESTDIR LIBDIR INCLUDEDIR

PREFIX=$prefix bindings/c/packaging/install.sh >/dev/null

# Below DESTDIR is the same, but for the names of directories in it.
PREFIX=/opt/sse LIBDIR=/opt/sse/lib64 DESTDIR=$work/dest bindings/c/packaging/install.sh >/dev/null
listed() { (cd "$1" && find . ! -type d | sed "s#^./$2/#./lib/#" | sort); }
diff <(listed "$prefix" lib) <(listed "$work/dest/opt/sse" lib64) || fail "DESTDIR changes what is installed"
grep -qx 'libdir=/opt/sse/lib64' "$work/dest/opt/sse/lib64/pkgconfig/tidings.pc" || fail "no LIBDIR"
! grep -rqI "$work" "$work/dest" || fail "DESTDIR is in a file"
! grep -rqI '@[A-Z_]*@' "$prefix" --include='*.pc' --include='*.cmake' || fail "a template is not filled"

version=$(pkg-config --modversion tidings)
abi=${version%.*}
grep -qx "#define TIDINGS_VERSION \"$version\"" "$prefix/include/tidings.h" || fail "version $version"
declared=$(sed -nE 's/^(tidings_status|void|uint32_t|const char) \*?(tidings_[a-z_]+)\(.*/\2/p' \
  "$prefix/include/tidings.h" | sort)
for name in tidings tidings_pure; do
  so=$libdir/lib$name.so
  [ "$(realpath "$so")" = "$(realpath "$so.$version")" ] || fail "$so is not $version"
  dynamic=$(readelf --dynamic --wide "$so")
  grep -q "SONAME.*\[lib$name.so.$abi\]" <<<"$dynamic" || fail "$name: wrong SONAME"
  grep -q NODELETE <<<"$dynamic" || fail "$name can be unloaded"
  exported=$(nm --dynamic --defined-only --format=posix "$so" | cut -d' ' -f1 | sort)
  diff <(echo "$declared") <(echo "$exported") || fail "$name does not export what the header declares"
  strip -o "$work/stripped" "$so"
  bytes=$(stat -c %s "$work/stripped")
  echo "lib$name.so.$version: $bytes bytes stripped"
done
[ "$bytes" -le $most_pure_bytes ] || fail "the pure library is over $most_pure_bytes bytes"

printf 'event: greeting\nid: 4\ndata: hello\ndata: you\n\ndata: again\n\n' >"$work/stream"
printf 'greeting [4]: hello\\nyou\nmessage [4]: again\n' >"$work/lines"

# decodes PROGRAM NAME...: it reads the stream, and needs these of our libraries.
decodes() {
  local needed
  "$1" <"$work/stream" | diff "$work/lines" - || fail "$1 does not decode"
  needed=$(readelf --dynamic --wide "$1" | sed -n 's/.*NEEDED.*\[\(libtidings.*\)\]/\1/p')
  [ "$needed" = "${2:-}" ] || fail "$1 needs '$needed', not '${2:-}'"
}

# serves PROGRAM ANSWER: it answers a publish with this status.
serves() {
  local address answer
  mkfifo "$work/says"
  "$1" 0 >"$work/says" &
  server=$!
  read -r address <"$work/says"
  answer=$(curl -s -m 20 -o /dev/null -w '%{http_code}' -d hello "$address/publish?topic=news") || true
  kill -9 "$server"
  wait "$server" 2>/dev/null || true
  server=
  rm "$work/says"
  [ "$answer" = 200 ] || fail "$1 answers $answer to a publish at $address"
}

cd "$work"
# shellcheck disable=SC2046
for package in tidings tidings-pure; do
  library=${package/-/_}
  cc "${warnings[@]}" -o "dynamic-$package" "$examples/decode.c" $(pkg-config --cflags --libs $package)
  decodes "./dynamic-$package" "lib$library.so.$abi"
  cc "${warnings[@]}" -o "part-$package" "$examples/decode.c" $(pkg-config --cflags $package) \
    $(pkg-config --libs --static $package | sed "s/-l$library\>/-l:lib$library.a/")
  decodes "./part-$package"
  cc "${warnings[@]}" -static -o "static-$package" "$examples/decode.c" \
    $(pkg-config --cflags --libs --static $package) 2>warned || { cat warned >&2; fail "no static program"; }
  decodes "./static-$package"
done
# shellcheck disable=SC2046
c++ -std=c++17 "${warnings[@]}" -o decode-cpp "$examples/decode.cpp" $(pkg-config --cflags --libs tidings)
decodes ./decode-cpp "libtidings.so.$abi"
# shellcheck disable=SC2046
cc "${warnings[@]}" -o server "$examples/engine_server.c" $(pkg-config --cflags --libs tidings)
serves ./server

mkdir cmake
cat >cmake/CMakeLists.txt <<EOF
cmake_minimum_required(VERSION 3.16)
project(installed C CXX)
find_package(tidings $abi REQUIRED)
find_package(tidings REQUIRED)
foreach(target tidings static pure pure_static)
  add_executable(decode-\${target} "$examples/decode.c")
  target_link_libraries(decode-\${target} PRIVATE tidings::\${target})
endforeach()
add_executable(decode-cpp "$examples/decode.cpp")
target_compile_features(decode-cpp PRIVATE cxx_std_17)
target_link_libraries(decode-cpp PRIVATE tidings::tidings)
foreach(target tidings static)
  add_executable(server-\${target} "$examples/engine_server.c")
  target_link_libraries(server-\${target} PRIVATE tidings::\${target})
endforeach()
add_executable(epoll-pure "$examples/epoll_server.c")
target_link_libraries(epoll-pure PRIVATE tidings::pure)
EOF
{ cmake -S cmake -B built "-DCMAKE_PREFIX_PATH=$prefix" "-DCMAKE_C_FLAGS=${warnings[*]}" &&
  cmake --build built; } >log 2>&1 || { cat log >&2; fail "CMake does not build"; }
decodes built/decode-tidings "libtidings.so.$abi"
decodes built/decode-static
decodes built/decode-pure "libtidings_pure.so.$abi"
decodes built/decode-pure_static
decodes built/decode-cpp "libtidings.so.$abi"
for program in built/server-tidings built/server-static built/epoll-pure; do serves "$program"; done

# One that is not compatible is refused: the next minor version.
sed -i "s/find_package(tidings $abi REQUIRED)/find_package(tidings ${version%%.*}.99 REQUIRED)/" cmake/CMakeLists.txt
! cmake -S cmake -B other "-DCMAKE_PREFIX_PATH=$prefix" >log 2>&1 || fail "CMake takes any version"
grep -q 'compatible with requested version' log || { cat log >&2; fail "CMake fails otherwise"; }
echo "what is installed for C works"
