#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Every OpenCL function that the library calls is one that the fault tests can spoil.
set -euo pipefail
cd "${1:-.}"
called=$(grep -rhoE '(^|[^A-Za-z0-9_"])cl[A-Z][A-Za-z]+\(' src/runtime --include='*.[ch]' | grep -oE 'cl[A-Z][A-Za-z]+' | sort -u)
hooked=$(grep -oE 'HOOK\(cl[A-Za-z]+\)' tests/fault/layer_fault.c | grep -oE 'cl[A-Z][A-Za-z]+' | sort -u)
[ "$(printf '%s\n' "$called" | wc -l)" -ge 20 ] || { echo 'src/runtime: hardly an OpenCL call found'; exit 1; }
missing=$(comm -23 <(printf '%s\n' "$called") <(printf '%s\n' "$hooked"))
# shellcheck disable=SC2086 # names are words
[ -z "$missing" ] || { printf 'tests/fault/layer_fault.c: no hook for %s\n' $missing; exit 1; }
