#!/bin/sh
# Installs servers and clients written by others into target/foreign/connectors (or the folder given), outside what git
# tracks: for mail, for signing in, and for Minecraft.
#
#     crates/connectors/tests/foreign/install.sh [FOLDER]
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
folder=${1:-${CARGO_TARGET_DIR:-$here/../../../../target}/foreign/connectors}
mkdir -p "$folder"
folder=$(CDPATH= cd -- "$folder" && pwd)

python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary=:all: -r "$here/requirements.txt"

mkdir -p "$folder/node"
cp "$here/package.json" "$here/package-lock.json" "$folder/node/"
(cd "$folder/node" && npm ci --ignore-scripts --no-audit --no-fund)
node "$here/prune.mjs" "$folder/node/node_modules"
echo "the connectors' foreign servers are in $folder"
