# SPDX-License-Identifier: Apache-2.0
#
# A folder that is a machine of its own, with nothing in it but what is put there. Source it; $bare_root is the folder.

# Another root needs the right to have one: root's own, or a user namespace's.
export PATH=$PATH:/usr/sbin:/sbin
bare_enter=("$(command -v chroot)")
if [ "$(id -u)" != 0 ]; then bare_enter=("$(command -v unshare)" -r "${bare_enter[@]}"); fi

bare_possible() { "${bare_enter[@]}" / true 2>/dev/null; }

# bare_add FILE...: with the libraries that each is linked with, all at their places.
bare_add() {
    local file
    for file in "$@" $(ldd "$@" | grep -oE '/[^ ()]+' | grep -v ':$' | sort -u); do
        [ -e "$bare_root$file" ] || install -D "$file" "$bare_root$file"
    done
}

# bare_run COMMAND...: in there, with an environment that says where libraries are, if that. (The leak checker wants a /proc.)
bare_run() { env -i LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}" ASAN_OPTIONS=detect_leaks=0 "${bare_enter[@]}" "$bare_root" "$@"; }
