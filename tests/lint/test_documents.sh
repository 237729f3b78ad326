#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The documents agree with the tree: README begins with the two commands and shows the quickstart as it is, and links lead
# somewhere.
set -euo pipefail
cd "${1:-.}"
failed=0
complain() { printf '%s\n' "$*"; failed=1; }

# block N LANGUAGE: the text of README's N-th fenced block of that language.
block() {
    awk -v wanted="$1" -v language="$2" '
        /^```/ { if (inside) { inside = 0; next } else { inside = 1; mine = substr($0, 4) == language; n += mine; next } }
        inside && mine && n == wanted' README.md
}

mapfile -t fences <<<"$(awk '/^```/ { if (inside) inside = 0; else { inside = 1; print substr($0, 4) } }' README.md)"
[ "${fences[0]:-}" = sh ] && [ "${fences[1]:-}" = sh ] || complain 'README.md: the first two fenced blocks are not both sh'
for n in 1 2; do
    text=$(block $n sh)
    [ "$(printf '%s\n' "$text" | wc -l)" = 1 ] || complain "README.md: sh block $n is not one line"
    [ -x "${text%% *}" ] || complain "README.md: sh block $n: ${text%% *} is no program of this tree"
done
readme=$(block 1 c)
example=$(sed '1,/\*\/$/d' examples/quickstart.c)
[ "$readme" = "$example" ] || complain 'README.md: the first c block is not examples/quickstart.c below its first comment'

# Links in Markdown to files of the tree.
while IFS=: read -r file link; do
    target=${link%%#*}
    case $link in *://* | mailto:*) continue ;; esac
    [ -z "$target" ] || [ -e "$(dirname "$file")/$target" ] || complain "$file: the link $link leads nowhere"
done <<<"$(find . -name '*.md' -not -path './build*' -exec grep -oHE '\]\([^) ]+\)' {} + | sed -E 's/:\]\(/:/; s/\)$//')"
exit $failed
