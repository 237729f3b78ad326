#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Includes point one way: base <- runtime <- ops <- cell; io and ref know base only; operators do not know each other; and
# only the runtime calls OpenCL.
set -euo pipefail
cd "${1:-.}"
failed=0
complain() { printf '%s\n' "$*"; failed=1; }

# what FOLDER may include from src/
allowed() {
    case $1 in
    base) echo base ;;
    runtime) echo base runtime ;;
    ops) echo base runtime ops ;;
    cell) echo base runtime ops cell ;;
    io) echo base io ;;
    ref) echo base ref ;;
    *) complain "src/$1: a folder that ARCHITECTURE.md and this test do not know" ;;
    esac
}

# The family of a file of src/ops: its first word (mlstm.c, mlstm_plan.h). It is an operator where there is a public header of
# that name; the others (tile_params.h) are helpers of all.
family() {
    local stem=${1##*/}
    stem=${stem%.*}
    printf '%s' "${stem%%_*}"
}
is_operator() { [ -e "include/clxlstm/$1.h" ]; }

for folder in src/*/; do
    folder=${folder#src/} folder=${folder%/}
    rooms=" $(allowed "$folder") "
    while IFS=: read -r file line header; do
        [ -n "$header" ] || continue
        room=${header%%/*}
        [[ $rooms == *" $room "* ]] || complain "$file:$line: src/$folder may not include $header"
        # kernel_table.c alone looks at all operators, to list their programs
        if [ "$folder" = ops ] && [ "$room" = ops ] && [ "${file##*/}" != kernel_table.c ]; then
            other=$(family "$header")
            ! is_operator "$other" || [ "$other" = "$(family "$file")" ] ||
                complain "$file:$line: only ${other}'s own files may include $header"
        fi
    done <<<"$(grep -rnoE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"[^"]+"' "src/$folder" --include='*.[ch]' |
        sed -E 's/^([^:]+:[0-9]+):.*"([^"]+)"/\1:\2/')"
    case $folder in
    base | io | ref)
        # of the public headers, those without OpenCL
        while IFS=: read -r file line header; do
            [ -n "$header" ] || continue
            case $header in
            clxlstm/status.h | clxlstm/dtype.h) ;;
            *) complain "$file:$line: src/$folder knows no OpenCL and may not include <$header>" ;;
            esac
        done <<<"$(grep -rnoE '#[[:space:]]*include[[:space:]]+<(clxlstm|CL)/[^>]+>' "src/$folder" --include='*.[ch]' |
            sed -E 's/^([^:]+:[0-9]+):.*<([^>]+)>/\1:\2/')"
        ;;
    esac
    if [ "$folder" != runtime ]; then
        while IFS= read -r call; do
            [ -n "$call" ] || continue
            complain "$call: only src/runtime calls OpenCL"
        done <<<"$(grep -rnE '(^|[^A-Za-z0-9_"])cl[A-Z][A-Za-z]+\(' "src/$folder" --include='*.[ch]' | grep -vE ':[0-9]+:[[:space:]]*(/?\*|//)' || true)"
    fi
done
exit $failed
