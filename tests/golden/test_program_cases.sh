#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Every shipped case of the operators that are built passes on the device, in both layouts and on both kinds of queue.
set -euo pipefail
. "$1/tests/support/program.sh"

cases=()
for op in mlstm_parallel mlstm_recurrent precompute_freqs rotary attention mlstm_cell; do
    cases+=("$golden/$op".*.safetensors)
done
for options in '--layout bhsd' '--layout bshd --out-of-order'; do
    # shellcheck disable=SC2086 # options are words
    "$program" check "${cases[@]}" $options 2>"$scratch/err" || complain "check $options: $(tail -n 1 "$scratch/err")"
done
finish
