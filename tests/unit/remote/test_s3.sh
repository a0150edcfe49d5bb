#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The S3 remote against a real server (tests/rgw-up), by remote-tool. Runs in
# the build directory. TAP.
here=$(cd "$(dirname "$0")/../.." && pwd)
tool=$PWD/tests/tools/remote-tool
command -v radosgw >/dev/null || { echo "1..0 # SKIP no radosgw"; exit 0; }
[ -x "$tool" ] || { echo "1..0 # SKIP remote-tool is not built"; exit 0; }
unset ${!KACHE_@} ${!AWS_@} SSL_CERT_FILE CURL_CA_BUNDLE http_proxy \
	https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
dir=$(mktemp -d)
export HOME=$dir
trap '"$here/rgw-down" "$dir/rgw"; rm -rf "$dir"' EXIT
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
n=0
failed=0

# expect PATTERN DESCRIPTION [NAME=VALUE...] ARGUMENT...: what remote-tool says.
expect() {
	local pattern=$1 what=$2 out
	shift 2
	out=$(timeout 60 env "${@:1:$#}" 2>&1)
	n=$((n + 1))
	if grep -Eq -- "$pattern" <<<"$out" && ! grep -q Sanitizer <<<"$out"
	then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
		sed 's/^/# /' <<<"$out"
		failed=1
	fi
}
same() {
	n=$((n + 1))
	if cmp -s "$1" "$2"; then
		echo "ok $n - $3"
	else
		echo "not ok $n - $3"
		failed=1
	fi
}

head -c 5000000 /dev/urandom >"$dir/body"
key=v1/packs/ab/abcd
secure=KACHE_REMOTE_MAIN_ENDPOINT=https://localhost:$((port + 2))
expect '^ok 5000000 bytes$' "put" "$tool" put $key "$dir/body"
expect '^ok 5000000 bytes, existed' "put once more" \
	"$tool" put $key "$dir/body"
expect '^ok 5000000 bytes$' "put over it" "$tool" -n put $key "$dir/body"
expect '^ok 5000000' "get" "$tool" get $key "$dir/got"
same "$dir/body" "$dir/got" "the bytes are the same"
expect '^ok 5000000' "get on demand" "$tool" -d get $key "$dir/got"
expect '^ok 15 bytes' "the first writer wrote FORMAT" \
	"$tool" get v1/FORMAT "$dir/format"
expect '^not found' "a missing key is a miss" "$tool" get v1/none "$dir/got"
expect 'no bucket .missing. at' "a missing bucket is named" \
	KACHE_REMOTE_MAIN_URL=s3://missing "$tool" get $key "$dir/got"
expect 'problem: access to bucket' "a wrong secret is no miss" \
	AWS_SECRET_ACCESS_KEY=wrong "$tool" get v1/none "$dir/got"
expect 'problem: no credentials found' "no credentials are said so" \
	-u AWS_ACCESS_KEY_ID "$tool" get $key "$dir/got"
expect 'certificate is not trusted' "TLS without the CA" \
	"$secure" "$tool" get $key "$dir/got"
for name in AWS_CA_BUNDLE SSL_CERT_FILE; do
	rm -f "$dir/got"
	expect '^ok 5000000' "TLS with the CA from $name" "$secure" \
		"$name=$dir/rgw/ca.pem" "$tool" get $key "$dir/got"
	same "$dir/body" "$dir/got" "the bytes are the same"
done
expect '^ok 5000000' "host style and a prefix" \
	KACHE_REMOTE_MAIN_PATH_STYLE=no KACHE_REMOTE_MAIN_URL=s3://kache/a/b \
	"KACHE_REMOTE_MAIN_ENDPOINT=http://localhost:$port" \
	"$tool" put $key "$dir/body"
expect '^ok 5000000' "odd characters in a prefix" \
	"KACHE_REMOTE_MAIN_URL=s3://kache/a+c=d@e%25/é" \
	"$tool" put $key "$dir/body"
reader="AWS_ACCESS_KEY_ID=AKIAREAD AWS_SECRET_ACCESS_KEY=readsecret"
expect '^ok 5000000' "a reader reads" $reader "$tool" get $key "$dir/got"
expect '^not found' "a reader who may not list has a miss" \
	$reader "$tool" get v1/none "$dir/got"
expect '^refused' "a reader does not write" \
	$reader "$tool" put v1/packs/ab/other "$dir/body"
expect '^refused' "nothing without rights" KACHE_REMOTE_MAIN_ANONYMOUS=yes \
	"$tool" get $key "$dir/got"
expect '^not started: ' "a read-only remote is not written" \
	KACHE_REMOTE_MAIN_MODE=ro "$tool" put $key "$dir/body"
mapfile -t temporary < <("$here/rgw-up" sts "$dir/rgw")
expect '^ok 5000000' "temporary credentials" "${temporary[@]}" \
	"$tool" get $key "$dir/got"
expect '^refused' "their token counts" "${temporary[@]}" AWS_SESSION_TOKEN=x \
	"$tool" get $key "$dir/got"
mkdir "$dir/.aws"
printf '[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n' \
	default AKIAREAD readsecret writer AKIATEST secrettest \
	>"$dir/.aws/credentials"
files="-u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY"
expect '^ok 5000000' "keys from a file" $files "$tool" get $key "$dir/got"
expect '^ok 5000000' "a profile of it" $files AWS_PROFILE=writer \
	"$tool" put v1/packs/ab/profile "$dir/body"
expect '^refused' "the default profile is the reader" $files \
	"$tool" put v1/packs/ab/profile "$dir/body"
expect '^300 done, 0 failed' "300 small uploads" \
	"$tool" bench-put 300 2000
expect '^300 done, 0 failed' "300 small downloads" "$tool" bench-get 300
expect '^300 done, 0 failed' "300 over TLS" "$secure" \
	"AWS_CA_BUNDLE=$dir/rgw/ca.pem" "$tool" bench-get 300
echo "1..$n"
exit $failed
