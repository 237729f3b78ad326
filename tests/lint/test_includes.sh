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

# An operator's files begin with its name (mlstm.c, mlstm_backward.c, mlstm.h); helpers for all begin with ops_.
family() {
    local stem=${1##*/}
    stem=${stem%.*}
    printf '%s' "${stem%%_*}"
}

for folder in src/*/; do
    folder=${folder#src/} folder=${folder%/}
    rooms=" $(allowed "$folder") "
    while IFS=: read -r file line header; do
        room=${header%%/*}
        [[ $rooms == *" $room "* ]] || complain "$file:$line: src/$folder may not include $header"
        if [ "$folder" = ops ] && [ "$room" = ops ]; then
            other=$(family "$header")
            [ "$other" = ops ] || [ "$other" = "$(family "$file")" ] ||
                complain "$file:$line: an operator may not include another one ($header)"
        fi
    done < <(grep -rnoE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"[^"]+"' "src/$folder" --include='*.[ch]' |
        sed -E 's/^([^:]+:[0-9]+):.*"([^"]+)"/\1:\2/')
    case $folder in
    base | io | ref)
        # of the public headers, those without OpenCL
        while IFS=: read -r file line header; do
            case $header in
            clxlstm/status.h | clxlstm/dtype.h) ;;
            *) complain "$file:$line: src/$folder knows no OpenCL and may not include <$header>" ;;
            esac
        done < <(grep -rnoE '#[[:space:]]*include[[:space:]]+<(clxlstm|CL)/[^>]+>' "src/$folder" --include='*.[ch]' |
            sed -E 's/^([^:]+:[0-9]+):.*<([^>]+)>/\1:\2/')
        ;;
    esac
    if [ "$folder" != runtime ]; then
        while IFS= read -r call; do
            complain "$call: only src/runtime calls OpenCL"
        done < <(grep -rnE '(^|[^A-Za-z0-9_"])cl[A-Z][A-Za-z]+\(' "src/$folder" --include='*.[ch]' | grep -vE ':[0-9]+:[[:space:]]*(/?\*|//)' || true)
    fi
done
exit $failed
