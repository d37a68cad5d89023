#!/bin/sh
# Installs schemathesis, which tries our API with all that its document allows and forbids, into target/foreign/api (or the
# folder given), outside what git tracks.
#
#     tests/foreign/install.sh [FOLDER]
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
folder=${1:-${CARGO_TARGET_DIR:-$here/../../target}/foreign/api}
mkdir -p "$folder"
folder=$(CDPATH= cd -- "$folder" && pwd)

python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary=:all: -r "$here/requirements.txt"
echo "schemathesis is in $folder"
