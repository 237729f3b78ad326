#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# test_public_headers.sh SOURCE BUILD CC
#
# Each public header alone, as C11 and as C++17, with warnings as errors; and every public macro expanded, since a
# macro that nobody expands may not even be well-formed.
set -euo pipefail
source=$1
cc=$3
case $(basename "$cc") in
    *clang*) cxx=${cc/clang/clang++} ;;
    *gcc*) cxx=${cc/gcc/g++} ;;
    *) cxx=c++ ;;
esac
command -v "$cxx" > /dev/null || cxx=
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-Wall -Wextra -Wpedantic -Werror -fsyntax-only "-I$source/include")

# compile FILE: as both languages.
compile() {
    "$cc" -x c -std=c11 "${flags[@]}" "$1"
    [ -z "$cxx" ] || "$cxx" -x c++ -std=c++17 "${flags[@]}" "$1"
}

# One use of a macro: X_INIT initialises an object of type x, X_MAP(XX) is counted, others are values.
use() {
    local name=$1
    printf '#ifdef %s\n' "$name"
    case $name in
        *_INIT)
            local type
            type=$(tr 'A-Z' 'a-z' <<< "${name%_INIT}")
            printf '    { %s object = %s; (void)object; }\n' "$type" "$name"
            ;;
        *_MAP) printf '    { enum { ROWS = 0 %s(ROW) }; (void)sizeof(char[ROWS]); }\n' "$name" ;;
        *) printf '    (void)sizeof(%s);\n' "$name" ;;
    esac
    printf '#endif\n'
}

for header in "$source"/include/clxlstm/*.h; do
    name=$(basename "$header")
    printf '#include <clxlstm/%s>\n#include <clxlstm/%s>\nint main(void) { return 0; }\n' "$name" "$name" > "$work/alone.c"
    compile "$work/alone.c"
done

{
    printf '#include <clxlstm/clxlstm.h>\n#define ROW(...) + 1\nint main(void)\n{\n'
    sed -nE 's/^ *# *define +(CLX_[A-Z0-9_]+).*/\1/p' "$source"/include/clxlstm/*.h | sort -u | grep -vx CLX_API |
        while read -r macro; do use "$macro"; done
    printf '    return 0;\n}\n'
} > "$work/macros.c"
compile "$work/macros.c"
grep -c '_INIT; (void)' "$work/macros.c" > /dev/null # the generator has found some
