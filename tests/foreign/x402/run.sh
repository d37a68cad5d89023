#!/bin/sh
# Buys with a client that was written by others, and prints one line of JSON: {client, status, headers, body,
# payment_response}, or {client, error} and an exit code of 1 when the client gave up.
#
#     tests/foreign/x402/run.sh CLIENT METHOD URL [BODY]
#
# CLIENT is fetch or axios (npm), httpx or requests (PyPI), reqwest (Rust), v1 (version 1 of the protocol). In the
# environment: KEY, the wallet's private key; MAX_USD, the most that one payment may cost, if not the client's own limit;
# HEADERS, further request headers as JSON; FOREIGN_X402, the folder into which install.sh installed.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
folder=${FOREIGN_X402:-${CARGO_TARGET_DIR:-$here/../../../target}/foreign/x402}
export FOREIGN_MODULES="$folder/node"

client=$1
shift
case $client in
fetch | axios) exec node "$here/official.mjs" "$client" "$@" ;;
v1) exec node "$here/v1.mjs" "$@" ;;
httpx | requests) exec "$folder/python/bin/python" "$here/python/buy.py" "$client" "$@" ;;
reqwest) exec "$folder/rust/x402-foreign-buyer" "$@" ;;
*)
    echo "there is no client $client: fetch, axios, httpx, requests, reqwest or v1" >&2
    exit 2
    ;;
esac
