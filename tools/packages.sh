#!/bin/sh
# Installs those of the Debian packages named as arguments that are missing: as root, or by sudo. Prints them before.
# Does nothing, and asks nobody, where all are there.
set -eu

missing=
for package in "$@"; do
  # Node.js from elsewhere than Debian brings npm with it, and conflicts with Debian's.
  [ "$package" != npm ] || ! command -v npm >/dev/null || continue
  case "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)" in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "kimdb: these Debian packages (or their like) are needed:$missing" >&2
  exit 1
fi
case "$missing" in *libboost1.81-dev*)
  if dpkg-query -W -f '${Status}' libboost1.74-dev 2>/dev/null | grep -q "install ok installed"; then
    echo "kimdb: libboost1.81-dev is needed and conflicts with libboost1.74-dev, which is installed; remove that first" >&2
    exit 1
  fi ;;
esac

echo "kimdb: installing Debian packages:$missing"
as_root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "kimdb: run this as root, or install sudo" >&2; exit 1; }
  as_root=sudo
fi
export DEBIAN_FRONTEND=noninteractive
# The package list may be missing or old: try, refresh, try again.
# shellcheck disable=SC2086
install() { $as_root apt-get install -y -q --no-remove --no-install-recommends $missing; }
install >build-packages.log 2>&1 || { $as_root apt-get update -q >>build-packages.log 2>&1; install >>build-packages.log 2>&1; } || {
  tail -20 build-packages.log >&2
  exit 1
}
rm -f build-packages.log
