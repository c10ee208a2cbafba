#!/usr/bin/env bash
# hyper needs tokio's I/O traits; nothing here may bring its runtime, reactor or timers with them.
set -euo pipefail
features=$(cargo tree --locked -p tidings-smol -e features,normal -i tokio --prefix none |
    sed -n 's/^tokio feature "\(.*\)".*/\1/p' | sort -u)
for feature in rt rt-multi-thread net time fs process signal; do
    if grep -qx "$feature" <<<"$features"; then
        echo "tokio's feature $feature has come in:" >&2
        cargo tree --locked -p tidings-smol -e features,normal -i tokio >&2
        exit 1
    fi
done
echo "of tokio there is only: ${features//$'\n'/ }"
