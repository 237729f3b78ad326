#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# `clxlstm bench` on the device: numbers checked, the report as its document says, ceilings, first calls.
set -euo pipefail
. "$1/tests/support/program.sh"
. "$1/tests/support/report.sh"
cd "$scratch"

# one problem, in words
expect 0 '^check *PASS' bench mlstm_parallel --shape 1x2x70x16x16 --gates unit --repeat 3
for line in '^device ' '^ceiling *fma_f32 .*FLOP/s .*result checked' '^ceiling *copy .*B/s .*result checked' \
    '^case .* gates unit, variant ' '^time .* 3 calls in a row' '^clock ' '^speed .*FLOP/s, useful' '^remark *fewer than 20 runs'; do
    grep -q -e "$line" out || complain "bench: no line '$line' in: $(cat out)"
done

# operators x shapes x dtypes x gates; attention and norms have no gates
expect 0 'rmsnorm .*passed' bench mlstm_parallel,attention rmsnorm layernorm rotary mlstm_recurrent mlstm_cell --dtype f32,bf16 \
    --shape 1x2x70x16x16,2x3x1x16x24 --gates keep,unit --repeat 3 --json many.json --html many.html
[ "$(grep -c '"status":."passed"' many.json)" = 40 ] || complain "bench: $(grep -c '"passed"' many.json) passed, expected 40"
check_page many.html

# a sweep, its page, and first calls; merged, every list of the schema has records
expect 0 'attention .*passed' bench attention --shape 1x1x1x16x16 --sweep S=8..64 --repeat 3 --no-ceilings --json sweep.json
"$program" bench rmsnorm --shape 1x1x16x64x64 --first-call --json starts.json >out || complain "bench --first-call: $(cat out)"
for caches in cold library warm; do
    grep -q "rmsnorm .* $caches .*passed" out || complain "a first call, $caches: $(cat out)"
done
grep -A 12 '"caches":."cold"' starts.json | grep -q '"compiled":.[1-9]' || complain 'a cold start compiled nothing'
grep -A 12 '"caches":."warm"' starts.json | grep -q '"compiled":.0' || complain 'a warm start compiled'
expect 0 'rmsnorm' bench --from many.json sweep.json starts.json --json all.json --html all.html
check_schema all.json
grep -q 'records of 5 of 5' schema || complain "the schema: $(cat schema)"
check_page all.html
for title in Speed Roofline 'As the text grows' 'First call' 'All figures' Devices; do
    grep -q "<h2>$title" all.html || complain "the page: no section '$title'"
done

# a ceiling whose kernel does not compute what it should is none, and nothing is a share of it
cp -r "$source_dir/cl" kernels
sed -i 's/x7 = fma(x7, va, vb);/x7 = fma(x7, va, va + vb);/' kernels/ceiling_fma.cl
CLX_KERNEL_DIR=$scratch/kernels expect 0 '^ceiling *fma_f32 *- *its result is wrong' bench rmsnorm --shape 1x1x16x64x64 --repeat 3
! grep -q '% of what' out || complain 'a share of a wrong ceiling'
grep -q '^ceiling *copy .*result checked' out || complain "the other ceilings: $(cat out)"

# a result that is not there is a failure and says so
expect 1 'no such device' bench rotary --device 'no such device'
status=0
"$program" bench rotary --shape 1x1x1x7x7 --no-ceilings --json - >failed.json 2>err || status=$?
[ $status = 1 ] && grep -q '"status":."failed"' failed.json && grep -q '^clxlstm: rotary .*failed: ' err ||
    complain "a problem that is refused: status $status, $(cat err)"
finish
