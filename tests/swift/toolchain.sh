#!/bin/sh
# Makes a chroot with Debian 13's Swift in the folder DIR, once: 1.5 GB, some minutes, needs root.
#
#   tests/swift/toolchain.sh DIR
#   FAUXTO_SWIFT=DIR tests/swift/run.sh swift test -c release
set -eu
[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
[ -x "$dir/usr/libexec/swift/bin/swift" ] && exit 0
export DEBIAN_FRONTEND=noninteractive
command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq debootstrap; }
debootstrap --variant=minbase trixie "$dir"
unshare --mount sh -euc '
  mount -t proc proc "$1/proc"
  chroot "$1" apt-get install -y -qq --no-install-recommends swiftlang libc6-dev libstdc++-14-dev git ca-certificates
  chroot "$1" apt-get clean' sh "$dir"
