#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A remote needs no sweeper of ours: rules may delete anything at any time,
# builds stay right, and what is missing comes back.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/remote.sh"

CONF=$TESTS/../conf

# --- the same for each kind of remote: KEYS lists, DELETE takes keys ---
build_on() { # MACHINE: in a place of its own; complains if it is not right
	machine "$1"
	[ -d "$T/$1/w" ] || workspace "$T/$1/w"
	rm -rf "$T/$1/w/target"
	kcargo "$T/$1/w" build
	echo "$? $("$T/$1/w/target/debug/app" 2>&1)" \
		"$(sed "s|$T||g" "$T/out" | grep -ci -e kache -e error)"
}
RIGHT="0 42 words/src/lib.rs 0" # status, output, complaints on the console

delete_at_random() { # until $T/stop is there
	local key

	while [ ! -e "$T/stop" ]; do
		key=$($KEYS 2>/dev/null | shuf -n 1)
		[ -n "$key" ] && $DELETE "$key" && echo "$key" >>"$T/deleted"
		sleep 0.02
	done
}
hygiene() { # KIND
	local i got wrong= m

	m=$1
	rm -f "$T/stop" "$T/deleted"
	# Not first in a subshell: it notes what is to be ended.
	machine "${m}a"
	is "$(build_on ${m}a)" "$RIGHT" "$1: the first machine"
	check "$1: uploads" drained
	delete_at_random &
	for i in 1 2 3 4 5 6; do
		got=$(build_on "${m}b$i")
		[ "$got" = "$RIGHT" ] || wrong+="$i: $got
"
		machine "${m}b$i"
		_end_daemon "$KACHE_CACHE_DIR"
	done
	touch "$T/stop"
	wait $!
	is "$wrong" "" "$1: builds beside random deletions are right and silent"
	isnt "$(wc -l <"$T/deleted")" 0 "$1: something was deleted"
	diag "$1: deleted $(wc -l <"$T/deleted")"

	heals "$1" packs "${m}c"
	heals "$1" units "${m}d"
	heals "$1" builds "${m}e"
	heals "$1" "" "${m}f"
}
# What nobody has is compiled and uploaded by who needs it; then all have it.
# What is fetched ahead needs no manifest, and so nobody makes one again: then
# the way back is looked at without that.
heals() { # KIND WHAT MACHINE
	local key KACHE_PREFETCH_ENABLED=no

	[ "$2" = builds ] || export KACHE_PREFETCH_ENABLED
	$KEYS | grep "v1/$2" | while read -r key; do
		$DELETE "$key"
	done
	is "$($KEYS | grep -c "v1/$2")" 0 "$1: all of v1/$2 is gone"
	is "$(build_on "${3}1")" "$RIGHT" "$1: without v1/$2: right"
	machine "${3}1"
	check "$1: without v1/$2: done" drained
	_end_daemon "$KACHE_CACHE_DIR"
	is "$(build_on "${3}2")" "$RIGHT" "$1: after v1/$2: right"
	machine "${3}2"
	_mark=0
	is "$(remote_hits)" 3 "$1: after v1/$2: it is all there again"
	_end_daemon "$KACHE_CACHE_DIR"
	# A machine that has it all builds on and uploads nothing twice.
	is "$(build_on "${3}2")" "$RIGHT" "$1: after v1/$2: from the store"
	machine "${3}2"
	_end_daemon "$KACHE_CACHE_DIR"
}

# --- a directory ---
r=$T/remote
mkdir -p "$r"
export KACHE_REMOTE_MAIN_URL=file://$r
dir_keys() { (cd "$r" && find v1 -type f); }
dir_delete() { rm -f "$r/$1"; }
KEYS=dir_keys DELETE=dir_delete
hygiene dir

# The recipe of kache.ini(5), on files that nobody used for long.
isnt "$(dir_keys | grep -c packs)" 0 "there are packs"
find "$r/v1/packs" -type f | head -1 | xargs touch -d '61 days ago'
left=$(($(dir_keys | wc -l) - 1))
find "$r/v1/packs" "$r/v1/units" "$r/v1/builds" -type f \
	-mtime +60 -atime +60 -delete
is "$(dir_keys | wc -l)" "$left" "the recipe takes the old one only"
is "$(build_on dirz)" "$RIGHT" "and builds are right"
machine dirz
_end_daemon "$KACHE_CACHE_DIR"

# --- a bucket ---
rgw || { not_ok "an S3 server"; done_testing; }
use_s3
s3() { # METHOD PATH [CURL_ARG...]
	local method=$1 path=$2

	shift 2
	curl -sS --fail-with-body --noproxy '*' -X "$method" \
		--aws-sigv4 aws:amz:us-east-1:s3 -u AKIATEST:secrettest \
		"$@" "$S3_ENDPOINT/kache$path"
}
bucket_keys() { s3_keys p/; }
bucket_delete() {
	s3 DELETE "/$1" -H "x-amz-content-sha256: $EMPTY_SHA"
}
KEYS=bucket_keys DELETE=bucket_delete
hygiene s3

# --- the rules that kache.ini(5) recommends ---
rules=$T/lifecycle.xml
sed 's/PREFIX/p/' "$CONF/lifecycle.xml" >"$rules"
check "the server takes the rules" s3 PUT '?lifecycle=' --data-binary "@$rules" \
	-H "Content-MD5: $(openssl md5 -binary "$rules" | base64)" \
	-H "x-amz-content-sha256: $(sha256sum <"$rules" | cut -d' ' -f1)"
s3 GET '?lifecycle=' -H "x-amz-content-sha256: $EMPTY_SHA" >"$T/back.xml"
cat >"$T/rules.py" <<'END'
# Prints the rules of an XML or JSON file, one a line, sorted.
import json, re, sys
import xml.etree.ElementTree as tree
text = open(sys.argv[1]).read()
rules = []
if text.lstrip().startswith("{"):
    for r in json.loads(text)["Rules"]:
        rules.append((r["ID"], r["Filter"]["Prefix"], r["Status"],
                      str(r["Expiration"]["Days"])))
else:
    root = tree.fromstring(re.sub(r' xmlns="[^"]*"', "", text))
    for r in root.findall("Rule"):
        prefix = r.find("Filter/Prefix")
        prefix = r.find("Prefix") if prefix is None else prefix
        rules.append((r.find("ID").text, prefix.text, r.find("Status").text,
                      r.find("Expiration/Days").text))
print("\n".join(" ".join(r) for r in sorted(rules)))
END
wanted=$(python3 "$T/rules.py" "$rules")
is "$(wc -l <<<"$wanted")" 3 "there are three rules"
is "$(python3 "$T/rules.py" "$T/back.xml")" "$wanted" "and has them"
is "$(python3 "$T/rules.py" <(sed 's/PREFIX/p/' "$CONF/lifecycle.json"))" \
	"$wanted" "the JSON says the same"
done_testing
