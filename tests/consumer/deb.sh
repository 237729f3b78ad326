#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# deb.sh SOURCE PACKAGE...: Debian packages as users meet them: lintian has nothing to say, what they depend on is there to be
# installed, and from what they hold, a program in plain C is built by pkg-config and runs, as does the program itself.
set -euo pipefail
source=$(cd "$1" && pwd)
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() { printf 'FAILED: %s\n' "$*"; exit 1; }

# Left out: a tag about uploads to Debian, and CPack's calls of ldconfig beside the trigger that makes them needless.
lintian --allow-root --fail-on error,warning \
    --suppress-tags initial-upload-closes-no-bugs,maintscript-calls-ldconfig "$@"
apt-get --simulate --no-install-recommends install "${@/#/./}" >"$work/apt" 2>&1 || { cat "$work/apt"; die 'dependencies'; }

for package in "$@"; do dpkg-deb -x "$package" "$work/root"; done
export PKG_CONFIG_PATH LD_LIBRARY_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$work/root" -name clxlstm.pc)")
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH")
# shellcheck disable=SC2046 # options are words
cc -std=c11 "$source/examples/quickstart.c" -o "$work/quickstart" $(pkg-config --cflags --libs clxlstm OpenCL) -lm
"$work/quickstart" | tee "$work/result"
grep 'h\[' "$work/result" | grep -qv nan || die quickstart
"$work/root/usr/bin/clxlstm" devices
man -l "$(find "$work/root" -name clxlstm.1.gz)" >/dev/null 2>&1 || [ ! -e /usr/bin/man ] || die 'the manual page'
