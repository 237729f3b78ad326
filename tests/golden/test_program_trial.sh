#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# clxlstm selftest where a variant gives wrong numbers: it fails, whether another variant can take its place or not, and
# whether the verdict is new or was met in the cache.
set -euo pipefail
. "$1/tests/support/program.sh"
cd "$scratch"
export CLX_CACHE_DIR=$scratch/cache
unset CLX_VARIANT
problem='mlstm_parallel odd f32'
"$program" selftest --variants cpu --only "$problem" >out 2>&1 || complain "the family cpu: $(cat out)"
grep -q 'PASS' out || { echo 'SKIPPED: the device is no CPU'; exit 77; }

# break_kernel OFFSET: moves the diagonal of the cpu kernel by OFFSET, everywhere or where the expression is not 0.
break_kernel() {
    rm -rf cl
    cp -r "$source_dir/cl" cl
    sed -i "s/column <= rows.j..t/column <= rows[j].t + $1/" cl/mlstm_forward_cpu.cl
    ! cmp -s "$source_dir/cl/mlstm_forward_cpu.cl" cl/mlstm_forward_cpu.cl || complain 'nothing is broken'
}

# expect_failure WHAT PATTERN
expect_failure() {
    local status=0
    CLX_KERNEL_DIR=$scratch/cl "$program" selftest --variants cpu --only "$problem" >out 2>&1 || status=$?
    [ $status = 1 ] && grep -q "FAIL .*$2" out && grep -q '0 passed, 1 failed' out || complain "$1: $status, $(cat out)"
}

break_kernel 1
expect_failure 'all variants wrong' 'differs from simt'
expect_failure 'all variants wrong, verdicts from the cache' 'failed its trial on this device before'
break_kernel '(CLX_BM != 16)'
expect_failure 'the best variant wrong' 'a better variant than cpu_mlstm_f32_16x'
expect_failure 'the best variant wrong, verdict from the cache' 'a better variant than cpu_mlstm_f32_16x'
finish
