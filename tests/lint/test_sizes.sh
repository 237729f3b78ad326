#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Short files: 600 lines for C, 400 for kernels.
set -euo pipefail
cd "${1:-.}"
failed=0
while IFS= read -r file; do
    limit=600
    case $file in *.cl | *.clh) limit=400 ;; esac
    lines=$(wc -l <"$file")
    [ "$lines" -le $limit ] || { printf '%s: %d lines, at most %d\n' "$file" "$lines" $limit; failed=1; }
done <<<"$(find cl examples include src tests tools -name '*.[ch]' -o -name '*.cl' -o -name '*.clh' 2>/dev/null)"
exit $failed
