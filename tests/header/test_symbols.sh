#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# test_symbols.sh SOURCE BUILD CC
#
# Names that the libraries define begin with clx_ or clxi_, a shared one shows clx_ alone, and what must not need OpenCL does
# not.
set -euo pipefail
cd "$2"
command -v nm > /dev/null || exit 77
failed=0

# defined FILE: names of ours with external linkage. Names that begin with __ belong to the compiler and sanitizers.
defined() {
    nm -g --defined-only "$1" 2> /dev/null | awk 'NF == 3 && $2 != "W" && $3 !~ /^_/ { print $3 }' | sort -u
}

# refuse MESSAGE: each line of stdin is a finding.
refuse() {
    while IFS= read -r line; do
        [ -n "$line" ] || continue
        echo "$line: $1"
        failed=1
    done
}

for library in libclxlstm.a libclxlstm_base.a libclxlstm_io.a libclxlstm_ref.a; do
    [ ! -e $library ] || refuse "defined by $library without clx_ or clxi_" <<<"$(defined $library | grep -vE '^clxi?_')"
done
for library in libclxlstm_base.a libclxlstm_io.a libclxlstm_ref.a; do
    [ ! -e $library ] || refuse "needed by $library, which must link without OpenCL" <<<"$(
        nm -u $library 2> /dev/null | awk '$1 == "U" && $2 ~ /^cl[A-Z]/ { print $2 }' | sort -u)"
done
# (what CLXI_OPENCL_MAP lacks, or a line of its header, shows here)
if grep -q '^CLXLSTM_LOAD_OPENCL:BOOL=ON' CMakeCache.txt; then
    refuse "needed by libclxlstm.a, which loads OpenCL" <<<"$(
        nm -u libclxlstm.a 2> /dev/null | awk '$1 == "U" && $2 ~ /^cl[A-Z]/ { print $2 }' | sort -u)"
fi
if [ -e libclxlstm.so ]; then
    refuse 'exported by libclxlstm.so' <<<"$(
        nm -D --defined-only libclxlstm.so | awk '{ print $NF }' | grep -vE '^(clx_|_|Base$)' || true)"
fi
exit $failed
