#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The reports of `clxlstm bench` where no device is needed: reading, merging, comparing, the page, and files that are no reports.
set -euo pipefail
. "$1/tests/support/program.sh"
. "$1/tests/support/report.sh"
cd "$scratch"
report=$source_dir/tests/support/report.json

# changed FILE EXPRESSION: a copy of the report with one edit, which must change something
changed() {
    sed -E "$2" "$report" >"$1"
    ! cmp -s "$report" "$1" || complain "the edit $2 does nothing"
}

# read, shown and written again it is the same
expect 0 'mlstm_parallel .*35.8%.*passed' bench --from "$report" --json once.json --html once.html
"$program" bench --from once.json --json - >twice.json || complain 'bench --from --json -'
cmp once.json twice.json || complain 'a report changes when it is written again'
check_schema once.json
grep -q 'records of 5 of 5' schema || complain "the schema: $(cat schema)"
check_page once.html
for text in 'some &lt;processor&gt; &amp; more' 'no &lt;kernel&gt; &amp; no luck' \
    '>lost: 1.25 x the time of somebody else<' 'the process ended by signal 11' 'did not build: &quot;x&quot;'; do
    grep -q -e "$text" once.html || complain "the page: no '$text'"
done
# two files are one report: of other hosts, the second half refers to its own records; of the same, devices become one
changed host.json 's/some <processor>/another/'
"$program" bench --from "$report" host.json --json both.json >out || complain 'bench --from of two hosts'
[ "$(grep -c '"run":.1' both.json)" = 2 ] && [ "$(grep -c '"device":.3' both.json)" = 1 ] || complain 'a merge mixes records'
changed higher.json 's/"value": 300e9/"value": 310e9/; s/"value": 20e9/"value": 19e9/'
"$program" bench --from "$report" higher.json host.json --json three.json >out || complain 'bench --from of three'
[ "$(grep -c '"run":' three.json)" = 4 ] && [ "$(grep -c '"device":.3' three.json)" = 1 ] &&
    [ "$(grep -c '"device":.1' three.json)" = 2 ] || complain "a merge of the same device: $(grep -c '"device"' three.json)"
[ "$(grep '"value"' three.json | tr -dc '0-9\n' | head -n 2 | tr '\n' ' ')" = '310000000000 20000000000 ' ] ||
    complain "ceilings of a merge: $(grep '"value"' three.json)"

# comparisons
changed slower.json '0,/"median_ms": 5.0/s//"median_ms": 5.6/'
changed wrong.json '0,/"status": "passed"/s//"status": "wrong"/'
changed other.json 's/"shape": "1x4/"shape": "2x4/'
expect 0 '2 compared: 0 slower\|3 compared: 0 slower' bench --compare "$report" "$report"
expect 1 '1 of 3 results are slower by more than 5%' bench --compare "$report" slower.json
grep -q 'mlstm_parallel .* 5.0000 .* 5.6000 .* +12.0%  SLOWER' out || complain "the table of a comparison: $(cat out)"
expect 0 '0 slower' bench --compare "$report" slower.json --threshold 15
expect 0 '1 faster by more than 5%' bench --compare slower.json "$report"
changed clock.json 's/"clock": "agrees"/"clock": "differs"/; 0,/"median_ms": 5.0/s//"median_ms": 9.0/'
expect 0 '1 not to be told because clocks differ' bench --compare "$report" clock.json
expect 1 '1 of 3 results are no longer right' bench --compare "$report" wrong.json
expect 0 'passes now' bench --compare wrong.json "$report"
expect 1 'no problem in common' bench --compare "$report" other.json
expect 2 "--threshold: 'much'" bench --compare "$report" "$report" --threshold much
expect 2 "--threshold: '-1'" bench --compare "$report" "$report" --threshold=-1
expect 2 'expected two reports' bench --compare "$report"
expect 2 'expected reports' bench --from
expect 2 'expected one of --from, --compare' bench --from --compare "$report" "$report"
expect 2 'cannot both go to standard output' bench --from "$report" --json - --html -

# what is no report
expect 1 'missing.json' bench --from missing.json
printf '{"schema": "clxlstm-bench", "schema_version": 1, "runs": [}' >cut.json
expect 1 'cut.json: no JSON from line 1, column' bench --compare "$report" cut.json
: >empty.json
expect 1 'empty.json: no JSON' bench --from empty.json
printf '[]' >list.json
expect 1 'list.json: schema: expected' bench --from list.json
head -c 65536 /dev/zero | tr '\0' '[' >deep.json
expect 1 'deep.json: no JSON' bench --from deep.json
{ cat "$report"; printf '\0x'; } >nul.json
expect 1 'nul.json: no JSON' bench --from nul.json
changed other_schema.json 's/"clxlstm-bench"/"something"/'
expect 1 'other_schema.json: schema: expected' bench --from other_schema.json
changed version.json 's/"schema_version": 1/"schema_version": 2/'
expect 1 'version.json: schema_version: expected 1' bench --from version.json
changed field.json '0,/"median_ms": 5.0/s//"median_ms": "5"/'
expect 1 'field.json: results\[0\].median_ms: expected a number or null' bench --from field.json
changed text.json 's/"driver": "1.0"/"driver": 1.0/'
expect 1 'text.json: devices\[0\].driver: expected a text' bench --from text.json
changed index.json '0,/"device": 1, "engine"/s//"device": 2, "engine"/'
expect 1 'index.json: results\[1\].device: expected the index of a record' bench --from index.json
changed half.json '0,/"device": 1, "engine"/s//"device": 0.5, "engine"/'
expect 1 'half.json: results\[1\].device' bench --from half.json
changed status.json '0,/"status": "passed"/s//"status": "fine"/'
expect 1 'status.json: results\[0\].status: expected passed' bench --from status.json
changed shape.json '0,/1x4x1024x64x64/s//1x4x1024x64/'
expect 1 'shape.json: results\[0\].shape: expected BxNHxSxDHQKxDHV' bench --from shape.json
changed lists.json 's/"starts": \[/"beginnings": [/'
expect 1 'lists.json: starts: expected a list' bench --from lists.json
# numbers that make no sense are shown, not stumbled over; bytes that are no text do not break the page
changed odd.json 's/"median_ms": 5.0/"median_ms": -1e308/; s/"speed": 107374182400/"speed": 1e308/; s/"bytes": 4227072/"bytes": 0/'
LC_ALL=C sed -i 's/a platform/\xff\xc3(\xe2\x82/' odd.json
expect 0 'mlstm_parallel' bench --from odd.json --html odd.html
check_page odd.html
! grep -qE '"(-?nan|-?inf)' odd.html || complain 'odd numbers reach the page'
expect 1 'folder' bench --from "$report" --html nowhere/folder/x.html
finish
