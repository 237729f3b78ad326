#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The hostile calls of tests/fault leave out no public function.
set -euo pipefail
cd "${1:-.}"
failed=0
functions=$(cat include/clxlstm/*.h | tr '\n' ' ' | grep -oE 'CLX_API [^;(]*\(' | grep -oE 'clx_[a-z0-9_]+\($' | tr -d '(' | sort -u)
[ "$(printf '%s\n' "$functions" | wc -l)" -ge 50 ] || { echo 'include/clxlstm: hardly a function found'; exit 1; }
for function in $functions; do
    # creators and destructors of operators are called through a macro that puts their names together
    stem=${function#clx_}
    case $stem in
    *_create | *_destroy) grep -qE "CREATE\(${stem%_*}\)|clx_$stem\(" tests/fault/hostile*.c tests/fault/test_hostile.c && continue ;;
    esac
    grep -qE "(^|[^a-z_])$function\(" tests/fault/hostile*.c tests/fault/test_hostile.c && continue
    echo "tests/fault/test_hostile.c: $function is not called"
    failed=1
done
exit $failed
