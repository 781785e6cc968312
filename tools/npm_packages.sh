#!/bin/sh
# Installs what a folder's package-lock.json names into build/npm/<folder's name>, once: tools/npm_packages.sh tests/npm
# Scripts of packages do not run.
set -eu
folder=$1
target=build/npm/$(basename "$(dirname "$folder")")
stamp=$target/.installed
if [ -f "$stamp" ] && cmp -s "$folder/package-lock.json" "$target/package-lock.json"; then exit 0; fi

echo "kimdb: installing npm packages of $folder"
rm -rf "$target"
mkdir -p "$target"
cp "$folder/package.json" "$folder/package-lock.json" "$target/"
log=$target/install.log
if ! (cd "$target" && npm ci --ignore-scripts --no-audit --no-fund) >"$log" 2>&1; then
  tail -20 "$log" >&2
  exit 1
fi
touch "$stamp"
