#!/bin/sh
# Installs the test chain's packages, and buyers of x402 that were written by others, into target/foreign/x402 (or the
# folder given), outside what git tracks. What is there already is left alone, while nothing that decides it has changed.
#
#     tests/foreign/x402/install.sh [FOLDER]
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$here/../../..
folder=${1:-${CARGO_TARGET_DIR:-$root/target}/foreign/x402}
mkdir -p "$folder"
folder=$(CDPATH= cd -- "$folder" && pwd)

# part NAME FILE...: whether the part has to be made, because it is not there or was made of other files.
part() {
    part=$folder/$1
    shift
    stamp=$(cat "$@" | cksum)
    [ "$(cat "$part/made-of" 2>/dev/null)" != "$stamp" ] || return 1
    rm -rf "$part"
    mkdir -p "$part"
}
made() { echo "$stamp" >"$part/made-of"; }

npm_part() {
    if part "$1" "$2/package-lock.json"; then
        cp "$2/package.json" "$2/package-lock.json" "$2/.npmrc" "$part/"
        (cd "$part" && npm ci --ignore-scripts --no-audit --no-fund)
        made
    fi
}
npm_part chain "$root/deploy/chain"
npm_part node "$here/node"
npm_part mcp "$here/../mcp"

if part python "$here/python/requirements.txt"; then
    python3 -m venv "$part"
    "$part/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        -r "$here/python/requirements.txt"
    made
fi

# Only the program is kept: what it is built of takes 20 times its room.
if part rust "$here/rust/Cargo.toml" "$here/rust/Cargo.lock" "$here/rust/src/main.rs"; then
    cargo build --locked --quiet --manifest-path "$here/rust/Cargo.toml" --target-dir "$part/build"
    mv "$part/build/debug/x402-foreign-buyer" "$part/"
    rm -rf "$part/build"
    made
fi
echo "the test chain's packages and the foreign buyers are in $folder"
