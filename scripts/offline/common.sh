# SPDX-License-Identifier: Apache-2.0
#
# What the offline compilers share; needs ../common.sh.

# The status for a program of a family that is not meant for the compiler's devices.
not_meant=76

# chosen ARCHITECTURE...: those to compile for: all, or where CLX_OFFLINE_PICK is a number only the one at that place, round
# and round.
chosen() {
    [ -n "${CLX_OFFLINE_PICK:-}" ] || { printf '%s ' "$@"; return; }
    shift $((CLX_OFFLINE_PICK % $#))
    printf '%s ' "$1"
}

# known_spills COMPILER OPTION...: kernels that may spill there with these options, each in blanks, from the file of that name.
known_spills() {
    awk -v compiler="$1" -v options=" ${*:2} " '
        /^#/ || $1 != compiler { next }
        { for (i = 3; i <= NF; i++) if (!index(options, " " $i " ")) next; printf " %s ", $2 }' scripts/offline/known-spills
}
