#!/usr/bin/env bash
# Makes the reference pages of tidings.h and tidings.hpp below target/; a warning is an error. Doxygen is
# installed where it is missing and may be. `make docs` runs it.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! command -v doxygen >/dev/null; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "install doxygen first" >&2; exit 1; }
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq --no-install-recommends doxygen >/dev/null ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends doxygen >/dev/null; }
fi

pages=$(realpath -m "${CARGO_TARGET_DIR:-target}/doc-c")
version=$(sed -n 's/^#define TIDINGS_VERSION "\(.*\)"/\1/p' ffi/include/tidings.h)
rm -rf "$pages"
mkdir -p "$pages"
printf '%s\n' "@INCLUDE = bindings/c/Doxyfile" "PROJECT_NUMBER = $version" "OUTPUT_DIRECTORY = $pages" | doxygen -

# What is declared has a section of its own.
for name in $(sed -nE 's/^(tidings_status|void|uint32_t|const char) \*?(tidings_[a-z_]+)\(.*/\2/p' ffi/include/tidings.h); do
  grep -q "memname\">.*$name *</td>" "$pages/html/tidings_8h.html" || { echo "$name is not in the reference" >&2; exit 1; }
done
echo "$pages/html/tidings_8h.html"
