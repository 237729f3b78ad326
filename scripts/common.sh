# SPDX-License-Identifier: Apache-2.0
#
# What the scripts share. Source it from bash after `set -euo pipefail`; it leaves the shell in the root of the tree.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}
build=build/main

# PoCL asks the system for processors and memory, and aborts where /sys is not mounted (a bare chroot): tell it.
if [ ! -e /sys/devices/system/cpu ]; then
    export HWLOC_SYNTHETIC=${HWLOC_SYNTHETIC:-numa:1(memory=4294967296) pu:$jobs}
fi

say() { printf '== %s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# skip REASON: leaves the script with the status that .ci/run counts as "could not run here".
skip() { printf 'SKIPPED: %s\n' "$*"; exit 77; }

have() { command -v "$1" >/dev/null 2>&1; }

# need COMMAND...: skips the script where one of them is missing.
need() {
    local c
    for c in "$@"; do have "$c" || skip "$c is not installed (scripts/setup ci installs it on Debian 12)"; done
}

# retry COMMAND...: networks fail for a moment; tries three times.
retry() {
    local pause
    for pause in 5 20 0; do
        "$@" && return 0
        [ "$pause" = 0 ] || { warn "failed, trying again in $pause s: $*"; sleep "$pause"; }
    done
    return 1
}

# The program, built by build_all.
clxlstm() { "$root/$build/tools/clxlstm" "$@"; }

# build_all: configures and builds the library, the program and the tests under build/.
build_all() {
    local log
    mkdir -p "$build"
    log=$build/build.log
    say "building in $build"
    if ! { configure "$build" && cmake --build "$build" -j "$jobs"; } >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        die "the build failed; the whole log is $log"
    fi
}

# configure FOLDER [OPTION...]: Ninja where it is installed; a folder keeps the generator that it began with.
configure() {
    local folder=$1 generator=()
    shift
    if [ ! -e "$folder/CMakeCache.txt" ] && have ninja; then generator=(-G Ninja); fi
    cmake -S . -B "$folder" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DCLXLSTM_BUILD_TESTS=ON "$@"
}

# built_cases: the shipped cases whose operators are built, a line each. The gradient is not.
built_cases() {
    ls tests/golden/*.safetensors | grep -v /mlstm_parallel_grad
}

# tiny_cases, small_cases: those that a simulator gets through in seconds and in a minute. Between them they reach every
# path: sizes that divide no tile, explicit masks, one stabiliser per head, resets, infinite gates, dtypes, skipped tiles.
tiny_cases() {
    cases_named mlstm_parallel one odd step vdim4 cast_to_f16 bf16_global_mask
    cases_named mlstm_recurrent odd step
    cases_named precompute_freqs two
    cases_named rotary one f16_tables
    cases_named attention one sigmoid_nomask cast
    cases_named mlstm_cell one_head
}

small_cases() {
    tiny_cases
    cases_named mlstm_parallel batch global mask_random f16_wide bf16_violent eps_0 gates_inf gates_borders gates_decay
    cases_named mlstm_recurrent states bf16 eps
    cases_named rotary theta
    cases_named attention none_random f16_random_sigmoid softmax_random
    cases_named mlstm_cell borders headwise qk_norm_bf16 recurrent attention_bf16
}

# cases_named OPERATOR NAME...
cases_named() {
    local operator=$1
    shift
    printf "tests/golden/$operator.%s.safetensors\n" "$@"
}

# usable_devices: one line for each device that can be used: its selector, its platform and its name, with tabs between.
usable_devices() {
    clxlstm devices --json | awk -F'"' '
        function flush() { if (usable) print selector "\t" platform "\t" name; selector = name = ""; usable = 0 }
        /"selector":/ { flush(); selector = $4 }
        /"platform":/ { platform = $4 }
        /"name":/     { name = $4 }
        /"usable":/   { usable = /true|: *1/ }
        END           { flush() }'
}

# pocl_caches: for the commands here, where PoCL is the only platform. It keeps compiled kernels on disk itself, and compiles
# each once more (for work-groups of any size) to hand over a program's binary. Most tests would do little else, so the
# library's cache stays off.
pocl_caches() {
    export CLX_CACHE=${CLX_CACHE:-0} POCL_CACHE_DIR=${POCL_CACHE_DIR:-$root/build/pocl-cache}
}

# is_pocl PLATFORM
is_pocl() { [ "$1" = 'Portable Computing Language' ]; }
