#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# each_way.sh SOURCE BUILD: the library as others use it. Installs what was built in BUILD, moves the prefix, and builds
# a program in C and one in C++ against it, with the shared and the static library, by find_package and by pkg-config; then
# both with the source in their own project, by add_subdirectory and by FetchContent. Each is run: the first must compute
# the same every time, the second must start in a root without OpenCL, too.
set -euo pipefail
source=$(cd "$1" && pwd)
build=$(cd "$2" && pwd)
. "$source/tests/support/bare_root.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bare_root=$work/root
die() { printf 'FAILED: %s\n' "$*"; exit 1; }

cmake --install "$build" --prefix "$work/before" >/dev/null
mv "$work/before" "$work/moved"
prefix=$work/moved
for place in "$source" "$build" "$work/before"; do
    ! grep -rlF "$place" "$prefix" || die "$place is named in what is installed"
done
"$prefix/bin/clxlstm" --version

first=
# check WHAT EMBED ANYWHERE: runs the two programs.
check() {
    local result
    result=$("$2")
    [[ $result == *'y['* && $result != *nan* ]] || die "$1: $result"
    : "${first:=$result}"
    [ "$result" = "$first" ] || die "$1: $result, expected $first"
    "$3" | grep -q '^0:0: ' || die "$1: the program in C++"
    if bare_possible; then
        bare_add "$3"
        bare_run "$3" | grep -q '^no device: no OpenCL loader: ' || die "$1: without OpenCL"
        rm -rf "$bare_root"
    fi
    printf '%-32s %s\n' "$1" "$result"
}

# project WAY OPTION...: builds tests/consumer.
project() {
    local way=$1
    shift
    cmake -S "$source/tests/consumer" -B "$work/$way" -DWAY="$way" "$@" >"$work/$way.log" 2>&1 &&
        cmake --build "$work/$way" >>"$work/$way.log" 2>&1 || { tail -n 30 "$work/$way.log"; die "$way"; }
}

project find_package -DCMAKE_PREFIX_PATH="$prefix"
for kind in shared static; do
    check "find_package, $kind" "$work/find_package/embed_$kind" "$work/find_package/anywhere_$kind"
done
"$work/find_package/quickstart" | grep -v nan | grep 'h\[' || die quickstart

export PKG_CONFIG_PATH LD_LIBRARY_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name clxlstm.pc)")
libraries=$(dirname "$PKG_CONFIG_PATH")
# by_pkg_config NAME OPTION...: OPTION... takes the place of -lclxlstm.
by_pkg_config() {
    local name=$1
    shift
    # shellcheck disable=SC2046,SC2068 # options are words
    cc -std=c11 "$source/examples/embed.c" -o "$work/embed_$name" $(pkg-config --cflags clxlstm) $@ \
        $(pkg-config --libs OpenCL) -lm
    # shellcheck disable=SC2046,SC2068
    c++ "$source/tests/consumer/anywhere.cpp" -o "$work/anywhere_$name" $(pkg-config --cflags clxlstm) $@
    check "pkg-config, $name" "$work/embed_$name" "$work/anywhere_$name"
}
LD_LIBRARY_PATH=$libraries by_pkg_config shared "$(pkg-config --libs clxlstm)"
by_pkg_config static "$(pkg-config --static --libs clxlstm | sed 's/-lclxlstm/-l:libclxlstm.a/')"
! ldd "$work/embed_static" | grep -q libclxlstm || die 'pkg-config, static: linked with the shared library'

for way in add_subdirectory FetchContent; do
    project $way -DCLXLSTM_SOURCE="$source"
    check $way "$work/$way/embed_" "$work/$way/anywhere_"
done
