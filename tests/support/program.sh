# SPDX-License-Identifier: Apache-2.0
#
# What the tests of the clxlstm program share. Source it with the test's own arguments: source folder, build folder.

source_dir=$(cd "$1" && pwd)
program=$(cd "$2" && pwd)/tools/clxlstm
golden=$source_dir/tests/golden
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

complain() {
    printf 'FAILED: %s\n' "$*"
    failures=$((failures + 1))
}

# expect STATUS PATTERN ARGUMENT...: the program ends with this status and one line on stderr that has the pattern in it;
# with status 0, the pattern is looked for on stdout. What the driver itself prints does not count.
expect() {
    local wanted=$1 pattern=$2 status=0
    shift 2
    "$program" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
    [ "$status" = "$wanted" ] || complain "clxlstm $*: status $status, expected $wanted: $(cat "$scratch/err")"
    if [ "$wanted" = 0 ]; then
        grep -q -e "$pattern" "$scratch/out" || complain "clxlstm $*: stdout without '$pattern'"
        return 0
    fi
    [ "$(grep -c '^clxlstm: ' "$scratch/err")" = 1 ] || complain "clxlstm $*: not one line: $(cat "$scratch/err")"
    grep -q -e "^clxlstm: .*$pattern" "$scratch/err" || complain "clxlstm $*: no '$pattern' in: $(cat "$scratch/err")"
}

# make_case FILE METADATA: a case of the mLSTM with one head, one token, one feature, all zeros; METADATA is JSON text.
make_case() {
    local file=$1 header offset=0 name tensors=
    for name in q:1,1,1,1 k:1,1,1,1 v:1,1,1,1 i:1,1,1 f:1,1,1; do
        tensors+=",\"${name%%:*}\":{\"dtype\":\"F32\",\"shape\":[${name#*:}],\"data_offsets\":[$offset,$((offset + 4))]}"
        offset=$((offset + 4))
    done
    header="{\"__metadata__\":{$2}$tensors}"
    make_file "$file" "$header"
    head -c $offset /dev/zero >>"$file"
}

# make_file FILE HEADER: a safetensors file without data.
make_file() {
    local n=${#2} i bytes=
    for i in 0 8 16 24 32 40 48 56; do bytes+=$(printf '\\%03o' $((n >> i & 255))); done
    printf '%b%s' "$bytes" "$2" >"$1"
}

finish() {
    [ "$failures" = 0 ] || exit 1
}
