#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The clxlstm program on the device: what run writes, what check says of what is not right, and failures that need a device.
set -euo pipefail
. "$1/tests/support/program.sh"
cd "$scratch"
case=$golden/mlstm_parallel.odd.safetensors

# the output has the tensor and says where it comes from
"$program" run "$case" -o out.safetensors 2>/dev/null || complain 'run'
for key in '"h":{"dtype":"F32","shape":\[1,2,7,3\]' '"device":' '"driver":' '"variant":' '"time_ms":' '"clxlstm":'; do
    head -c 1000 out.safetensors | tr -d '\0' | grep -aq -e "$key" || complain "out.safetensors: no $key"
done
# values are the same in any layout and order, and an existing file is replaced
cp out.safetensors first.safetensors
"$program" run "$case" -o out.safetensors --layout bshd --out-of-order 2>/dev/null || complain 'run --layout bshd'
[ "$(tail -c 168 out.safetensors | md5sum)" = "$(tail -c 168 first.safetensors | md5sum)" ] || complain 'values differ'

# the second start compiles nothing
"$program" run "$case" -o out.safetensors --verbose 2>err || complain 'run --verbose'
grep -q 'programs: 0 compiled' err || complain "a warm start compiled: $(grep programs err)"

# outputs that cannot be written
expect 1 'nowhere/out.safetensors' run "$case" -o nowhere/out.safetensors
mkdir folder
expect 1 'folder' run "$case" -o folder
[ -d folder ] || complain 'a folder was replaced'
err=$( (ulimit -f 0 && exec "$program" run "$case" -o full.safetensors) 2>&1 >/dev/null) && complain 'a file that cannot grow'
[[ $err == *'clxlstm: '*full.safetensors* ]] || complain "a file that cannot grow: $err"
[ ! -e full.safetensors ] || complain 'half an output file appeared'
[ -z "$(find . -name '.clx-*')" ] || complain 'a temporary file was left behind'
expect 1 'not a regular file' run "$case" -o /dev/null

# devices
expect 1 "selector 'no such device'" run "$case" -o out.safetensors --device 'no such device'
expect 1 'no such device' check "$case" --device 'no such device'
expect 1 'no such device' selftest --device 'no such device'
expect 0 '"devices":' devices --json
# (a loader other than ocl-icd may not heed this variable, and shows the devices all the same)
if ! OCL_ICD_VENDORS=$scratch "$program" devices --json 2>/dev/null | grep -q '"name"'; then
    OCL_ICD_VENDORS=$scratch expect 1 'no OpenCL driver' devices
fi

# cases without expected values are judged by the reference; missing or not built ones fail
make_case bare.safetensors '"op":"mlstm_parallel"'
expect 0 '^bare .*PASS' check bare.safetensors
status=0
"$program" check missing.safetensors >out 2>err || status=$?
[ $status = 1 ] && grep -q 'FAIL ' out && grep -q '0 passed, 1 failed' out || complain "check of nothing: $status, $(cat out)"
status=0
"$program" check "$golden/mlstm_parallel_grad.grad.safetensors" --json >out 2>err || status=$?
[ $status = 1 ] && grep -q 'not built yet' out || complain "an operator that is not built: $status, $(cat out)"

# a first token that nearly cancels, whose digits the output norm makes the whole result, is judged by that
expect 0 'cell recurrent.*PASS' selftest --only 'mlstm_cell recurrent'

# a wrong expected value is found: ref64.h comes first in this file, and two bytes make its first element a large number
cp "$case" wrong.safetensors
header=$(od -An -tu8 -N8 wrong.safetensors)
printf '\100\100' | dd of=wrong.safetensors bs=1 seek=$((8 + header + 6)) conv=notrunc 2>/dev/null
status=0
"$program" check "$case" wrong.safetensors >out 2>err || status=$?
[ $status = 1 ] && grep -q '^wrong .*FAIL *h\[0\]' out && grep -q '1 passed, 1 failed' out ||
    complain "a wrong value: $status, $(cat out)"
finish
