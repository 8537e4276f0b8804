#!/bin/sh
# Runs a command in this checkout where there is a swift: here, or in the chroot FAUXTO_SWIFT that toolchain.sh made.
#
#   tests/swift/run.sh swift test -c release
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
command -v swift >/dev/null && exec "$@"
if [ ! -x "${FAUXTO_SWIFT:-}/usr/libexec/swift/bin/swift" ]; then
  echo "no swift on PATH, and FAUXTO_SWIFT names no chroot with one; tests/swift/toolchain.sh DIR makes it" >&2
  exit 127
fi
mkdir -p "$FAUXTO_SWIFT$root"
# The mounts are seen by this process alone, and go with it.
exec unshare --mount sh -euc '
  chroot=$1 root=$2
  shift 2
  mount --bind "$root" "$chroot$root"
  mount -t proc proc "$chroot/proc"
  exec chroot "$chroot" env LD_LIBRARY_PATH=/usr/libexec/swift/lib/swift/linux sh -c "cd \"\$0\" && exec \"\$@\"" "$root" "$@"
' sh "$FAUXTO_SWIFT" "$root" "$@"
