#!/usr/bin/env bash
# Fuzzing, from the root of the project:
#
#   fuzz/run.sh fuzz [TARGET [SECONDS]]   feed one target, or each in turn, a minute each
#   fuzz/run.sh keep [TARGET]             make the committed corpora of what was found
#
# What is found grows below target/, what fails is kept in fuzz/artifacts/; neither is committed. A
# plain `cargo test` replays the committed corpora.
#
# Without a sanitizer any toolchain builds the targets. There is no unsafe code of ours in them, but for
# c_abi, and without one they run about four times as often; SANITIZER=address is for that and for the
# rest, and finds leaks too. For undefined behaviour there is none, but what unsafe code of the standard
# library assumes is asserted in either. A stable compiler takes the flags for it only if told so, which a
# nightly one does not mind: hence RUSTC_BOOTSTRAP.
# Optimising across crates makes the builds slow and finds nothing: hence no LTO.
set -euo pipefail
cd "$(dirname "$0")/.."

export RUSTC_BOOTSTRAP=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
built=${CARGO_TARGET_DIR:-target}/fuzz
found=$built/corpus

# The most inputs of a committed corpus; tests/corpus.rs says so, too.
most=150

fuzz() {
  local target=$1
  shift
  cargo fuzz run --fuzz-dir fuzz --features libfuzzer --target-dir "$built" \
    --sanitizer "${SANITIZER:-none}" "$target" "$@"
}

feed() {
  mkdir -p "$found/$1" "fuzz/corpus/$1"
  fuzz "$1" "$found/$1" "fuzz/corpus/$1" -- -max_total_time="$2" -max_len=4096 -timeout=20
}

# Fewest inputs that reach everything; if these are still too many, the longest reach most. Inputs with
# a name of words were put there by hand, and stay.
keep() {
  local kept named name
  mkdir -p "$found/$1" "fuzz/corpus/$1"
  kept=$(mktemp -d)
  fuzz "$1" "$kept" "$found/$1" "fuzz/corpus/$1" -- -set_cover_merge=1 -use_counters=0
  named=$(cd "fuzz/corpus/$1" && find . -name '*-*')
  for name in $named; do
    rm -f "$kept/$(sha1sum <"fuzz/corpus/$1/$name" | cut -d' ' -f1)"
  done
  ls -S "$kept" | tail -n "+$((most + 1 - $(wc -w <<<"$named")))" |
    while read -r name; do rm "$kept/$name"; done
  for name in $named; do cp "fuzz/corpus/$1/$name" "$kept/"; done
  rm -rf "fuzz/corpus/$1"
  mv "$kept" "fuzz/corpus/$1"
  chmod 755 "fuzz/corpus/$1"
  echo "$1: $(ls "fuzz/corpus/$1" | wc -l) inputs"
}

command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz

targets=${2:-$(cargo fuzz list --fuzz-dir fuzz)}
for target in $targets; do
  case $1 in
    fuzz) feed "$target" "${3:-60}" ;;
    keep) keep "$target" ;;
    *) sed -n '2,5s/^# \?//p' "$0" >&2; exit 2 ;;
  esac
done
