#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# C files are as clang-format 14 (Debian 12's) leaves them; other versions differ in small ways.
set -euo pipefail
cd "${1:-.}"
tool=$(command -v clang-format-14 || command -v clang-format || true)
[ -n "$tool" ] && "$tool" --version | grep -q 'version 14\.' || { echo 'SKIPPED: clang-format 14 is not installed'; exit 77; }
{ find examples include src tests tools -name '*.[ch]' -print0 2>/dev/null || true; } | xargs -0 "$tool" --dry-run -Werror
