# SPDX-License-Identifier: Apache-2.0
#
# Checks of what `clxlstm bench` writes. Source it after program.sh.

# check_page FILE: one page that needs nothing else, whose tags are balanced.
check_page() {
    grep -qiE '<script|<link|<iframe|<object|src=|href=|url\(|@import' "$1" && complain "$1: asks for something from elsewhere"
    grep -q 'prefers-color-scheme:dark' "$1" || complain "$1: no dark scheme"
    awk -v file="$1" '
        { text = text $0 "\n" }
        END {
            while (match(text, /<[^>]*>/)) {
                tag = substr(text, RSTART, RLENGTH)
                text = substr(text, RSTART + RLENGTH)
                name = tag
                gsub(/^<\/?|[ \n\/>].*$/, "", name)
                if (tag ~ /^<!/ || tag ~ /\/>$/) continue
                if (tag !~ /^<\//) open[++depth] = name
                else if (depth == 0 || open[depth--] != name) { print file ": " tag " closes nothing"; bad = 1; exit }
            }
            if (depth > 0 || text ~ /</) { print file ": " open[depth] " stays open"; bad = 1 }
            exit bad
        }' "$1" || complain "$1: tags are not balanced"
    ! command -v xmllint >/dev/null || xmllint --noout "$1" || complain "$1: not well-formed"
}

# check_schema FILE: every record has the fields that docs/bench-schema.md names, in their order and of their types.
check_schema() {
    awk -v file="$1" '
        function fail(text) { print file ": " text; bad = 1 }
        function type_of(value) { return value ~ /^"/ ? "text" : value ~ /^(null|-?[0-9])/ ? "number" : "?" }
        # the document: sections, and tables of fields
        FNR == NR && /^## / { section = $2; sections++ }
        FNR == NR && /^\| [a-z]/ && !/^\| field/ {
            split($0, cell, / *\| */)
            field[section, ++count[section]] = cell[2]
            type[section, count[section]] = cell[3] ~ /^index/ ? "number" : cell[3]
        }
        FNR == NR { next }
        # the report, as the program prints it: lists behind one tab, fields behind three
        /^\t"[a-z_]+":\t\[/ { split($0, part, "\""); section = part[2]; if (!(section in count)) fail("a list " section); at = 0 }
        /^\t\t\t"/ {
            split($0, part, "\"")
            value = $0
            sub(/^\t\t\t"[a-z0-9_]+":\t/, "", value)
            at++
            if (part[2] != field[section, at]) fail(section ": " part[2] ", expected " field[section, at])
            if (type_of(value) != type[section, at]) fail(section "." part[2] ": " value ", expected a " type[section, at])
            if (at == count[section]) { at = 0; records[section]++ }
        }
        END {
            for (name in count) seen += name in records
            print "records of", seen, "of", sections, "lists"
            exit bad
        }' "$source_dir/docs/bench-schema.md" "$1" >"$scratch/schema" || complain "$(head -n 3 "$scratch/schema")"
}
