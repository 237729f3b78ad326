#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Small rules of CONTRIBUTING.md that a machine can check.
set -euo pipefail
cd "${1:-.}"
failed=0
# report MESSAGE: each line of stdin is a finding.
report() {
    while IFS= read -r line; do
        [ -n "$line" ] || continue
        printf '%s: %s\n' "$line" "$1"
        failed=1
    done
}

mapfile -t code <<<"$(find cl examples include src tests tools scripts .ci cmake CMakeLists.txt -type f 2>/dev/null \
    \( -name '*.[ch]' -o -name '*.cl' -o -name '*.clh' -o -name '*.sh' -o -name '*.cmake' -o -name CMakeLists.txt \
    -o -path 'scripts/*' -o -path '.ci/*' \))"
mapfile -t c_code <<<"$(printf '%s\n' "${code[@]}" | grep -E '\.(c|h|cl|clh)$')"

report 'no SPDX line among the first three' <<<"$(
    for file in "${code[@]}"; do head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$file"; done)"
report 'a tab, or a blank at the end of a line' <<<"$(grep -nE $'\t|[[:blank:]]$' "${code[@]}" /dev/null | cut -d : -f 1,2)"
report 'a line of more than 130 characters' <<<"$(
    for file in "${c_code[@]}"; do awk -v f="$file" 'length($0) > 130 { print f ":" FNR }' "$file"; done)"
report 'names in _t belong to POSIX, names in cl_ to Khronos' <<<"$(
    grep -nE '^(typedef .*|})[[:space:]](cl_[a-z0-9_]+|[a-z0-9_]+_t);' "${c_code[@]}" /dev/null | cut -d : -f 1,2)"
report 'compare so that NaN fails: if (!(err <= tol))' <<<"$(
    grep -nE 'if \([a-z_.]*(err|diff|delta)[a-z_]* >=? [a-z_.]*(tol|limit|bound)' "${c_code[@]}" /dev/null | cut -d : -f 1,2)"
report 'the library never prints, exits or aborts' <<<"$(
    grep -rnE '(^|[^a-zA-Z0-9_])(f?printf|puts|fputs|putchar|perror|exit|_Exit|abort|signal|sigaction|atexit|getenv_s)\(' src \
        --include='*.[ch]' | grep -vE ':[0-9]+:[[:space:]]*(/?\*|//)' | cut -d : -f 1,2)"
report 'the environment is read through clxi_environment, which set-uid programs need' <<<"$(
    grep -rnE '(^|[^a-zA-Z0-9_])getenv\(' src tools --include='*.[ch]' | grep -v '^src/base/trusted.c:' | cut -d : -f 1,2)"
report 'kernels keep infinities and NaN: no fast or finite math' <<<"$(
    grep -rnE -e '-cl-(fast-relaxed-math|finite-math-only|unsafe-math-optimizations)' src cl tools 2>/dev/null | cut -d : -f 1,2)"
report 'the mark of a reload (src/runtime/reload.c): every program with this file in it would be reloaded' <<<"$(
    grep -rl '//@' cl | grep -v '/nv_wgmma_ptx.clh$')"
report 'this name is taken by another file' <<<"$(
    find cl examples src tests tools -name '*.c' -o -name '*.cl' -o -name '*.clh' 2>/dev/null | awk -F/ 'seen[$NF]++')"
exit $failed
