#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# test_bare_root.sh SOURCE BUILD CC
#
# A machine without OpenCL, as a folder with the program and the libraries that it is linked with, and nothing else: the
# program starts, and says in one line what is missing. Then with a loader but no driver, with a driver but no device, and
# with a device that is too small.
set -euo pipefail
. "$1/tests/support/program.sh"
. "$1/tests/support/bare_root.sh"
real=$program
bare_root=$scratch/root
bare_possible || { echo 'SKIPPED: may not change the root'; exit 77; }
# (No pipe into grep -q: it ends at the first match, and the status of what writes to it is then a coin's throw.)
case $(ldd "$real") in
*libOpenCL*) echo 'SKIPPED: built with CLXLSTM_LOAD_OPENCL=OFF' && exit 77 ;;
esac

# What `expect` of program.sh calls.
program=in_root
in_root() { bare_run "$real" "$@"; }

bare_add "$real"
expect 0 '^clxlstm [0-9]' --version
expect 0 '^mlstm_forward.cl simt ' kernels --list
expect 1 'no OpenCL loader: libOpenCL.so.1: ' devices
expect 1 'no OpenCL loader: libOpenCL.so.1: ' devices --json
expect 1 'no OpenCL loader: libOpenCL.so.1: ' selftest
expect 1 'no OpenCL loader: libOpenCL.so.1: ' bench mlstm_parallel --shape 1x1x8x8x8

loader=$(ldconfig -p 2>/dev/null | awk '$1 == "libOpenCL.so.1" { print $NF; exit }')
if [ -n "$loader" ]; then
    bare_add "$loader"
    expect 1 'no OpenCL driver: ' devices
    expect 1 'no OpenCL driver: ' selftest
fi

# A library of that name that is too old.
printf 'void clGetPlatformIDs(void) {}\n' | "$3" -x c -shared -fPIC - -Wl,-soname,libOpenCL.so.1 -o "$scratch/old.so"
install -D "$scratch/old.so" "$bare_root${loader:-/lib/libOpenCL.so.1}"
expect 1 'the OpenCL loader has no clBuildProgram, expected OpenCL 1.2' devices

program=$real
if [ -e /etc/OpenCL/vendors/mesa.icd ]; then
    OCL_ICD_VENDORS=/etc/OpenCL/vendors/mesa.icd expect 1 'the platform has no devices' selftest
fi
if command -v oclgrind >/dev/null; then
    program=oclgrind
    expect 1 '16384 bytes of local memory, expected at least 32768' --local-mem-size 16384 "$real" selftest
fi
finish
