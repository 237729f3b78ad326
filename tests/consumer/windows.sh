#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# windows.sh CASE...: what scripts/windows has built, under Wine, with this machine's OpenCL: cases are computed and judged,
# compiled programs are kept, a machine without OpenCL gets its line, and the shared library serves a program of others.
set -euo pipefail
built=$(dirname "$(dirname "$program")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() { printf 'FAILED: %s\n' "$*"; exit 1; }
# Lines end as on Windows.
run() { wine "$@" 2>&1 | tr -d '\r'; }

run "$program" --version # the first start makes Wine's folder, and tells of it
[[ $(run "$program" --version) == clxlstm\ [0-9]* ]] || die '--version'
WINEDLLOVERRIDES=opencl= run "$program" devices >"$work/none" || true
grep '^clxlstm: no OpenCL loader: OpenCL.dll cannot be loaded' "$work/none" || die "without OpenCL: $(cat "$work/none")"
run "$program" check "$@" | tee "$work/check"
grep -q ' 0 failed' "$work/check" || die check

export CLX_CACHE=1 CLX_CACHE_DIR
CLX_CACHE_DIR=$(wine winepath -w "$work" | tr -d '\r')'\cache'
for wanted in '[1-9][0-9]* compiled, 0 loaded' '0 compiled, [1-9][0-9]* loaded'; do
    run "$program" check --verbose "$1" >"$work/log"
    grep "$wanted" "$work/log" || die "cache: expected $wanted: $(cat "$work/log")"
done

cat >"$work/user.c" <<'EOF'
#include <clxlstm/clxlstm.h>
#include <stdio.h>
int main(void)
{
    clx_context *context = NULL;
    clx_error error = CLX_ERROR_INIT;
    clx_status status = clx_context_create(&context, NULL, &error);
    printf("%s, %s%s\n", clx_version(), clx_status_name(status), error.message);
    clx_context_destroy(context);
    return status != CLX_OK || !clx_opencl_function("clFinish");
}
EOF
x86_64-w64-mingw32-gcc -std=c11 -DCLX_SHARED -Iinclude -Ibuild/windows/include "$work/user.c" -o "$work/user.exe" \
    -L"$built" -l:libclxlstm.dll.a
cp "$built/libclxlstm.dll" "$work"
run "$work/user.exe" | grep 'CLX_OK' || die 'a program with the shared library'
