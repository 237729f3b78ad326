#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# clxlstm selftest --repeat: every run gives the same bits, and a kernel whose results depend on where its buffers lie, by less
# than what is allowed, is found out.
set -euo pipefail
. "$1/tests/support/program.sh"
cd "$scratch"
unset CLX_VARIANT
"$program" selftest --variants simt --only 'precompute_freqs odd' --repeat 5 >out 2>&1 || complain "five runs: $(cat out)"
grep -q '^repeated 5 runs of each that passed' out || complain "nothing is said of the runs: $(cat out)"
cp -r "$source_dir/cl" cl
sed -i 's/angle.s0, CLX_TABLE/angle.s0 + 1e-10f * (float)(((ulong)sines >> 7) % 1021), CLX_TABLE/' cl/rotary.cl
! cmp -s "$source_dir/cl/rotary.cl" cl/rotary.cl || complain 'nothing is broken'
export CLX_KERNEL_DIR=$scratch/cl
"$program" selftest --variants simt --only 'precompute_freqs odd' >out 2>&1 || complain "one run of a broken kernel: $(cat out)"
status=0
"$program" selftest --variants simt --only 'precompute_freqs odd' --repeat 5 >out 2>&1 || status=$?
[ $status = 1 ] && grep -qE 'FAIL +sin\[[0-9]+\]: bits 0x[0-9a-f]+ in run [2-5], 0x[0-9a-f]+ in the first' out ||
    complain "five runs of a broken kernel: $status, $(cat out)"
finish
