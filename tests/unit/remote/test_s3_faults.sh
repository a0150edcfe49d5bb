#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the S3 remote makes of answers that ask for something else: another
# region, another time, less, or no condition; and credentials that a program
# fetches from STS. By remote-tool, a real server (tests/rgw-up) and
# tests/fault-proxy.c between them. Runs in the build directory. TAP.
here=$(cd "$(dirname "$0")/../.." && pwd)
tool=$PWD/tests/tools/remote-tool
command -v radosgw >/dev/null || { echo "1..0 # SKIP no radosgw"; exit 0; }
[ -x "$tool" ] || { echo "1..0 # SKIP remote-tool is not built"; exit 0; }
unset ${!KACHE_@} ${!AWS_@} SSL_CERT_FILE CURL_CA_BUNDLE http_proxy \
	https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
dir=$(mktemp -d)
export HOME=$dir
trap 'kill $proxy 2>/dev/null; "$here/rgw-down" "$dir/rgw"; rm -rf "$dir"' EXIT
for try in 1 2 3 4; do
	port=$((20000 + (RANDOM % 3000) * 3))
	rm -rf "$dir/rgw"
	"$here/rgw-up" "$dir/rgw" $port >"$dir/up.out" 2>&1 && break
done
[ -e "$dir/rgw/env" ] || {
	sed 's/^/# /' "$dir/up.out"
	echo "Bail out! no S3 server"
	exit 1
}
set -a
. "$dir/rgw/env"
set +a
cc -O2 -o "$dir/fault-proxy" "$here/fault-proxy.c" || {
	echo "Bail out! no fault proxy"
	exit 1
}
# Below 32768: above it the kernel hands ports out to anybody.
for between in $((port - 10000)) $((port - 9999)) $((port - 9998)); do
	"$dir/fault-proxy" $between $port "$dir/rules" "$dir/log" &
	proxy=$!
	sleep 0.2
	kill -0 $proxy 2>/dev/null && break
done
export KACHE_REMOTE_MAIN_ENDPOINT=http://127.0.0.1:$between
n=0
failed=0

point() { # STATUS DESCRIPTION DETAIL
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' <<<"$3"
		sed 's/^/# log: /' "$dir/log"
		failed=1
	fi
}

# rules LINE...: the proxy's from now on; its log begins anew.
rules() {
	printf '%s\n' "$@" >"$dir/rules.new"
	mv "$dir/rules.new" "$dir/rules"
	: >"$dir/log"
	sleep 0.05
}

# expect PATTERN DESCRIPTION [NAME=VALUE...] ARGUMENT...: what remote-tool says.
expect() {
	local pattern=$1 what=$2 out
	shift 2
	out=$(timeout 60 env "$@" 2>&1)
	grep -Eq -- "$pattern" <<<"$out" && ! grep -q Sanitizer <<<"$out"
	point $? "$what" "$out"
}

# logged FIELDS WANTED DESCRIPTION: those of the requests for packs.
logged() {
	local got
	got=$(grep packs "$dir/log" | cut -d' ' -f"$1" | tr '\n' ' ')
	[ "$got" = "$2" ]
	point $? "$3" "got: $got"
}

head -c 50000 /dev/urandom >"$dir/body"
key=v1/packs/ab/abcd
rules
expect '^ok 50000 bytes$' "put through the proxy" \
	"$tool" put $key "$dir/body"

# --- another region ---
for rule in "301 1 PermanentRedirect" "400 1 AuthorizationHeaderMalformed"; do
	rules "GET packs status $rule x-amz-bucket-region: xx-far-7"
	expect '^ok 50000' "$rule: asked again" "$tool" get $key "$dir/got"
	logged 1,4 "GET us-east-1 GET xx-far-7 " \
		"$rule: signed for the region that is named"
done
rules "GET packs status 301 -1 PermanentRedirect x-amz-bucket-region: xx-far-7"
expect 'problem: bucket .* is in another region; set region' \
	"once only, then it is said" "$tool" get $key "$dir/got"
logged 1 "GET GET " "two requests"
rules "GET packs status 301 -1 PermanentRedirect x-amz-bucket-region: a/b"
expect 'another region; set region' "no name of a region is not taken" \
	"$tool" get $key "$dir/got"

# --- another time ---
rules "GET packs status 403 1 RequestTimeTooSkewed Date: $(date -u \
	-d '180 seconds' '+%a, %d %b %Y %H:%M:%S GMT')"
expect '^ok 50000' "a clock that is wrong: asked again" \
	"$tool" get $key "$dir/got"
at() { # N: seconds when the Nth request for a pack says it was signed
	local t
	t=$(grep packs "$dir/log" | sed -n "$1p" | cut -d' ' -f5)
	date -u -d "${t:0:8} ${t:9:2}:${t:11:2}:${t:13:2}" +%s
}
[ $(($(at 2) - $(at 1))) -ge 175 ]
point $? "signed with the server's time" ""
rules "GET packs status 403 -1 RequestTimeTooSkewed Date: $(date -u \
	'+%a, %d %b %Y %H:%M:%S GMT')"
expect 'problem: the clock of this machine or of the server' \
	"once only, then it is said" "$tool" get $key "$dir/got"
logged 1 "GET GET " "two requests"

# --- no condition ---
for code in "501 1 NotImplemented" "400 1 InvalidArgument"; do
	rules "PUT packs status $code"
	expect '^ok 50000 bytes, existed' "$code: what is there is not written" \
		"$tool" put $key "$dir/body"
	logged 1 "PUT HEAD " "$code: it was looked for"
	rules "PUT packs status $code"
	expect '^ok 50000 bytes$' "$code: what is not there is written" \
		"$tool" put "v1/packs/ab/${code%% *}" "$dir/body"
	logged 1 "PUT HEAD PUT " "$code: looked for, then written"
done
rules "PUT packs status 501 -1 NotImplemented"
expect '^refused' "a server that takes none at all" \
	"$tool" put v1/packs/ab/never "$dir/body"

# --- less ---
rules "PUT packs status 503 2 SlowDown"
expect '^ok 50000 bytes$' "told twice to slow down" \
	"$tool" -n put $key "$dir/body"
logged 1 "PUT PUT PUT " "three requests"
rules "PUT packs status 503 1 SlowDown Retry-After: 2"
expect '^ok 50000 bytes$' "told when to come back" \
	"$tool" -n put $key "$dir/body"
[ $(($(at 2) - $(at 1))) -ge 2 ]
point $? "not earlier than that" ""
rules "GET packs status 503 -1 SlowDown Retry-After: 30"
expect '^(full|busy)' "who cannot wait so long is told at once" \
	"$tool" -d get $key "$dir/got"
logged 1 "GET " "one request"

# --- credentials from a program ---
rules
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
cat >"$dir/fetch" <<END
#!/bin/sh
echo x >>"$dir/fetched"
"$here/rgw-up" sts "$dir/rgw" | sed -n '
	s/^AWS_ACCESS_KEY_ID=\(.*\)/{"Version":1,"AccessKeyId":"\1",/p
	s/^AWS_SECRET_ACCESS_KEY=\(.*\)/"SecretAccessKey":"\1",/p
	s/^AWS_SESSION_TOKEN=\(.*\)/"SessionToken":"\1"}/p'
END
chmod +x "$dir/fetch"
mkdir "$dir/.aws"
printf '[default]\ncredential_process = "%s" x\nregion = xx-near-1\n' \
	"$dir/fetch" >"$dir/.aws/config"
expect '^ok 50000' "temporary credentials from a program" \
	-u KACHE_REMOTE_MAIN_REGION -u AWS_REGION "$tool" get $key "$dir/got"
cmp -s "$dir/body" "$dir/got"
point $? "the bytes are the same" ""
logged 1,4 "GET xx-near-1 " "the region is the profile's"
: >"$dir/fetched"
expect '^300 done, 0 failed' "300 uploads with them" "$tool" bench-put 300 2000
[ "$(wc -l <"$dir/fetched")" = 1 ]
point $? "the program ran once" ""
rules "* packs status 403 -1 ExpiredToken"
: >"$dir/fetched"
expect 'problem: the session token used for .* has expired' \
	"rejected ones that are new" "$tool" get $key "$dir/got"
[ "$(wc -l <"$dir/fetched")" = 1 ]
point $? "the program is not run again at once" ""
rules
printf '#!/bin/sh\necho hush >&2\necho hush\nexit 7\n' >"$dir/fetch"
expect 'problem: credential_process: it failed with status 7' \
	"a program that fails is said so" "$tool" get $key "$dir/got"
out=$("$tool" get $key "$dir/got" 2>&1)
! grep -q hush <<<"$out"
point $? "and nothing of what it printed" "$out"
printf '[default]\nrole_arn = r\nsource_profile = s\n' >"$dir/.aws/config"
expect 'not supported; use credential_process' "roles are refused plainly" \
	"$tool" get $key "$dir/got"
echo "1..$n"
exit $failed
