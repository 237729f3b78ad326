#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# clxlstm tune on kernels of which some tiles hang, die, give wrong numbers or do not build, and one is fast: it is found, also
# when the search is killed in the middle, and operators use it.
set -euo pipefail
. "$1/tests/support/program.sh"
cd "$scratch"
export CLX_CACHE_DIR=$scratch/cache
unset CLX_VARIANT CLX_TUNE

expect 2 "'nothing' is no operator" tune nothing
expect 2 "'rotary' has nothing to tune" tune rotary
expect 2 "'1x1' is not BxNHxSxDHQKxDHV" tune --shape 1x1
expect 2 "seconds: expected 1" tune --seconds 0
expect 2 "expected one device" tune --device all
expect 1 "no/such: No such file" tune --import no/such
CLX_CACHE=0 expect 1 "no cache folder" tune --export results
"$program" devices --json >devices
grep -q '"cpu"' devices || { echo 'SKIPPED: there is no CPU device'; exit 77; }

# The default tile and what is made of some of its neighbours; every other one does not build. (On AVX-512 the default is
# 64 x 64 with blocks of 8, else 48 x 48 with blocks of 6.)
cp -r "$source_dir/cl" cl
cat >prologue <<'END'
#if (CLX_BM == 64 && CLX_BN == 64 && CLX_RS == 8 && CLX_RT == 8) || (CLX_BM == 48 && CLX_BN == 48 && CLX_RS == 6 && CLX_RT == 6)
#define WASTE 3000000
#elif CLX_BM == 16 && CLX_RT == 4
#define HANG
#define WASTE 0
#elif CLX_BN == 24
#define DIE
#define WASTE 0
#elif CLX_BM == 96 && CLX_BN != 96
#define WRONG
#define WASTE 0
#elif CLX_BN == 96 && CLX_RS == CLX_RT && CLX_BM == 8 * CLX_RS
#define WASTE 0
#else
#error not this one
#endif
END
cat >begin <<'END'
    for (volatile int w = 0; w < WASTE; w++) {}
#ifdef HANG
    for (volatile int forever = get_global_id(0) == 0; forever;) {}
#endif
#ifdef DIE
    *(__global volatile int *)(ulong)(get_global_id(0) + 8) = 1;
#endif
END
file=cl/mlstm_forward_cpu.cl
sed -i -e '/^    const ulong group = get_global_id(0);/r begin' -e 's/^        store_row(h,/        if (WRONG_HERE) row_sums[t] *= 1.5f;\n&/' \
    -e 's/+ eps;$/+ eps + (WRONG_HERE ? 1.0f : 0.0f);/' $file
{ cat prologue; printf '#ifdef WRONG\n#define WRONG_HERE (S == 70)\n#else\n#define WRONG_HERE 0\n#endif\n'; cat $file; } >patched
mv patched $file
export CLX_KERNEL_DIR=$scratch/cl

tune=("$program" tune mlstm_parallel --device cpu --variants cpu --shape 1x1x70x16x16 --seconds 300 --limit 6)

outcomes() { cat cache/tuning-journal.txt 2>/dev/null | grep -cE ' = (good|slow|refused|wrong|died|late)' || true; }

# wait_for COUNT: until so many outcomes are in the journal.
wait_for() {
    local i
    for i in $(seq 600); do
        [ "$(outcomes)" -lt "$1" ] || return 0
        sleep 0.2
    done
    complain "no $1 outcomes in two minutes"
}

"${tune[@]}" >first 2>&1 &
pid=$!
wait_for 3
{ kill -9 $pid && wait $pid; } 2>/dev/null || true
known=$(outcomes)
sleep 0.5
pgrep -f "$program tune-candidate" >/dev/null && complain 'a candidate has outlived its caller'
[ ! -e cache/tuning.txt ] || complain 'a result before the end'

"${tune[@]}" >second 2>&1 || complain "tune: $(cat second)"
for outcome in '[2-9] good' '[0-9]+ refused' '1 wrong' '1 died' '[1-9] late'; do
    grep -qE "^  tried .* $outcome" second || complain "not '$outcome': $(cat second)"
done
read -r total new <<<"$(sed -nE 's/^  tried +([0-9]+) tiles, ([0-9]+) of them now.*/\1 \2/p' second)"
[ $((total - new)) -ge "$known" ] || complain "$known were known, but $new of $total tried again: $(cat second)"
grep -qE '^  best     cpu rows=(64|48) columns=96 ' second || complain "another best: $(cat second)"
grep -q 'columns=96' cache/tuning.txt || complain 'no result'
[ "$(stat -c %a cache/tuning.txt)" = 600 ] || complain 'others may read the results'
[ ! -e cache/tuning-scratch ] || complain 'programs of candidates are left'

"${tune[@]}" >third 2>&1
grep -qE '^  tried +[0-9]+ tiles, 0 of them now' third || complain "tried again: $(cat third)"

# The library uses it, unless it is told not to; and elsewhere it is only a file.
variant() { "$program" bench mlstm_parallel --device cpu --shape 1x1x70x16x16 --repeat 3; }
variant >used
grep -q 'x96_tuned' used || complain "not used: $(cat used)"
CLX_TUNE=0 variant >unused
grep -q '_tuned' unused && complain "used in spite of CLX_TUNE=0: $(cat unused)"
expect 0 '1 results of this device in results' tune --device cpu --export results
CLX_CACHE_DIR=$scratch/other expect 0 '1 results taken, 1 of them' tune --device cpu --import results
cmp -s cache/tuning.txt other/tuning.txt || complain 'the import differs'
finish
