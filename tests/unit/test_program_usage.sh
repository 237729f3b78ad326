#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The clxlstm program where no device is needed: help, version, wrong usage, files that are no cases.
set -euo pipefail
. "$1/tests/support/program.sh"

expect 0 'usage: clxlstm COMMAND' --help
expect 0 'usage: clxlstm COMMAND' help
expect 0 '^clxlstm [0-9]*\.[0-9]*\.[0-9]*$' --version
for command in devices run check selftest bench kernels; do
    expect 0 "usage: clxlstm $command" "$command" --help
    expect 2 "$command: unknown option '--nonsense'" "$command" --nonsense
    expect 2 "$command: unknown option '-x'" "$command" -x
done

manual=$scratch/manual
sed 's/\\-/-/g' "$source_dir/docs/clxlstm.1" >"$manual"
# every option of --help is in the man page, and every command
for command in run check selftest bench devices; do
    grep -q "^\.B $command$" "$manual" || complain "docs/clxlstm.1: $command is missing"
    for option in $("$program" "$command" --help | grep -oE '^  (-., )?--[a-z-]+' | grep -oE '[a-z][a-z-]+$'); do
        grep -q -e "--$option" "$manual" || complain "docs/clxlstm.1: --$option of $command is missing"
    done
done
grep -q "$("$program" --version)" "$manual" || complain 'docs/clxlstm.1: another version'

expect 2 'no command'
expect 2 "unknown command 'frobnicate'" frobnicate
expect 2 "unknown option '--frobnicate'" --frobnicate
expect 2 'run: expected IN.safetensors' run
expect 2 'run: -o OUT is missing' run in.safetensors
expect 2 "run: unexpected argument 'b'" run a b -o c
expect 2 'run: --output needs a value' run a -o
expect 2 "run: --layout: 'xyz'" run a -o b --layout xyz
expect 2 'check: expected FILE' check
expect 2 "selftest: --variants: 'frobnicate'" selftest --variants frobnicate
expect 2 "selftest: --only: no problem" selftest --only frobnicate
expect 2 "selftest: --repeat: expected 1" selftest --repeat 0
expect 2 '--json takes no value' check --json=yes x
expect 2 "bench: 'frobnicate' is no operator" bench frobnicate
expect 2 "bench: --shape: '1x2'" bench mlstm_parallel --shape 1x2
expect 2 "bench: --shape: '1x2x3x4x0'" bench mlstm_parallel --shape=1x2x3x4x0
expect 2 "bench: --dtype: 'f99'" bench mlstm_parallel --dtype f99
expect 2 "bench: --gates: 'open'" bench mlstm_parallel --gates open
expect 2 "bench: --repeat: '-1' is not a number" bench mlstm_parallel --repeat -1
expect 2 'bench: --repeat: expected 0 to' bench mlstm_parallel --repeat 100001
expect 2 "bench: --shape: '1x1x1x1x1,' is no list" bench mlstm_parallel --shape 1x1x1x1x1,
expect 2 "bench: --sweep: 'S=8'" bench mlstm_parallel --sweep S=8
expect 2 "bench: --sweep: 'S=8..4'" bench mlstm_parallel --sweep S=8..4
expect 2 "bench: --limit: 'soon'" bench mlstm_parallel --limit soon
expect 2 'bench: --warmup: expected 3 to' bench mlstm_parallel --warmup 2
expect 2 "bench: --suite: 'huge'" bench --suite huge
expect 2 'bench: --suite brings its own' bench --suite quick --dtype f32
expect 2 "bench: 'frobnicate' is no operator" bench frobnicate --suite quick
expect 2 'bench: --first-call takes operators' bench --suite quick --first-call
expect 2 'bench: expected an operator, --suite' bench
expect 2 'kernels: expected one of' kernels

# a program's text needs no device either
expect 0 '^mlstm_forward.cl simt ' kernels --list
expect 0 '__kernel' kernels --source mlstm_forward.cl
expect 1 'cl/nothing.cl' kernels --source nothing.cl
while read -r file _; do
    "$program" kernels --source "$file" >/dev/null || complain "kernels --source $file"
done <<<"$("$program" kernels --list | cut -d ' ' -f 1 | sort -u)"

# files that are no cases
cd "$scratch"
expect 1 'missing.safetensors' run missing.safetensors -o out.safetensors
printf 'short' >short.safetensors
expect 1 'short.safetensors' run short.safetensors -o out.safetensors
printf '\377\377\377\377\377\377\377\177{}' >huge.safetensors
expect 1 'huge.safetensors' run huge.safetensors -o out.safetensors
make_file json.safetensors '{"__metadata__":'
expect 1 'json.safetensors' run json.safetensors -o out.safetensors
make_file op.safetensors '{}'
expect 1 "op.safetensors: metadata 'op'" run op.safetensors -o out.safetensors
make_case unknown.safetensors '"op":"frobnicate"'
expect 1 'unknown.safetensors: .*frobnicate' run unknown.safetensors -o out.safetensors
make_case later.safetensors '"op":"mlstm_chunkwise"'
expect 1 'mlstm_chunkwise.* not built yet' run later.safetensors -o out.safetensors
make_case key.safetensors '"op":"mlstm_parallel","epz":"1e-6"'
expect 1 'epz' run key.safetensors -o out.safetensors
make_case value.safetensors '"op":"mlstm_parallel","eps":"1e-6x"'
expect 1 'eps.*1e-6x' run value.safetensors -o out.safetensors
make_case nan.safetensors '"op":"mlstm_parallel","eps":"nan"'
expect 1 'eps.*nan' run nan.safetensors -o out.safetensors
mkdir folder
expect 1 'folder' run folder -o out.safetensors
expect 1 'folder: no .safetensors file' check folder
[ ! -e out.safetensors ] || complain 'an output file appeared although nothing was computed'

# the input is never overwritten, by whatever name
make_case in.safetensors '"op":"mlstm_parallel"'
cp in.safetensors copy
ln -s in.safetensors link.safetensors
expect 2 'in.safetensors is the input' run in.safetensors -o ./in.safetensors
expect 2 'link.safetensors is the input' run in.safetensors -o link.safetensors
cmp -s in.safetensors copy || complain 'the input was changed'

# output that does not arrive is a failure
if [ -e /dev/full ]; then
    status=0
    "$program" --help >/dev/full 2>err || status=$?
    [ $status = 1 ] && grep -q '^clxlstm: standard output: No space' err || complain "a full disk: status $status, $(cat err)"
fi
status=0
"$program" --help >&- 2>err || status=$?
[ $status = 1 ] && grep -q '^clxlstm: standard output: ' err || complain "a closed stdout: status $status, $(cat err)"
status=$({ "$program" kernels --list 2>err; echo $? >status; } | true; cat status)
[ "$status" = 1 ] && grep -q '^clxlstm: standard output: ' err || complain "a closed pipe: $status, $(cat err)"
finish
