#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ways to reach a bucket: temporary credentials, none at all, TLS, the bucket
# in the host name, and a server of another make.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/remote.sh"

rgw || { not_ok "an S3 server"; done_testing; }
use_s3
demo() { # MACHINE: it builds the workspace in a place of its own
	machine "$1"
	workspace "$T/$1/w"
	kcargo "$T/$1/w" build -q
	is "$? $("$T/$1/w/target/debug/app")" "0 42 words/src/lib.rs" \
		"$1: the build is right"
}
problem_is() { # PATTERN
	reported remote.problem | grep -Eqi -e "$1"
}
says() { # PATTERN DESCRIPTION: the status does
	wait_for 5 problem_is "$1"
	like "$(reported remote.problem)" "$1" \
		"$2: $(reported remote.problem | cut -c1-160)"
}
long_term() { # the keys of the bucket's owner
	unset AWS_SESSION_TOKEN
	export AWS_ACCESS_KEY_ID=AKIATEST AWS_SECRET_ACCESS_KEY=secrettest
}
packs() { # [PREFIX]
	s3_keys "${1-p}/v1/packs/" | wc -l
}

# --- temporary credentials ---
"$TESTS/rgw-up" sts "$T/rgw" >"$T/sts" 2>&1
check "temporary credentials are there" grep -q AWS_SESSION_TOKEN= "$T/sts"
set -a
. "$T/sts"
set +a
demo temporary
check "drain" drained
is "$(packs)" 3 "they upload"
demo temporarytoo
is "$(remote_hits) $(rustc_runs)" "3 0" "and download"
AWS_SESSION_TOKEN=${AWS_SESSION_TOKEN%????}AAAA
demo wrongtoken
is "$(remote_hits) $(stored)" "0 3" "a wrong token: all is compiled"
drained 3s
like "$(cat "$T/drain.out")" "3 uploads are left" "drain says what is left"
says "token|expired|session" "and the status says so"
is "$(intents)" 3 "what was compiled waits for a right one"

# --- other credentials that do not work ---
long_term
export AWS_SECRET_ACCESS_KEY=wrong
demo wrongsecret
drained 3s
says "secret|signature|keys are wrong" "a wrong secret is said"
long_term
export AWS_ACCESS_KEY_ID=AKIANOBODY
demo nobody
drained 3s
says "AKIANOBODY|access key|keys are wrong|unknown" "an unknown key is said"
long_term
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
demo none
drained 3s
says "credential" "that there are none is said"
is "$(packs)" 3 "nobody of them uploaded"

# --- a public bucket ---
export KACHE_REMOTE_MAIN_ANONYMOUS=yes
demo refused
is "$(remote_hits) $(stored)" "0 3" "anonymous, before it is public: compiled"
says "denied|allow|public|403|anonymous" "and the status says why"
policy='{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
policy+='"Principal":"*","Action":["s3:GetObject"],'
policy+='"Resource":["arn:aws:s3:::kache/*"]}]}'
check "the bucket is made public" curl -sS --fail --noproxy '*' \
	--aws-sigv4 aws:amz:us-east-1:s3 -u AKIATEST:secrettest \
	-H "x-amz-content-sha256: $(printf %s "$policy" | sha256sum |
		cut -d' ' -f1)" \
	-X PUT --data-binary "$policy" "$S3_ENDPOINT/kache?policy="
key=$(s3_keys p/v1/packs/ | head -1)
check "anybody can read it" curl -sS --fail --noproxy '*' -o /dev/null \
	"$S3_ENDPOINT/kache/$key"
demo public
is "$(remote_hits) $(rustc_runs)" "3 0" "anonymous: all from the bucket"
like "$(reported remote.credentials)" "[Aa]nonymous|none" \
	"the status says anonymous"
put "$T/public/w/app/src/main.rs" 'fn main() { println!("new"); }'
kcargo "$T/public/w" build -q
is "$? $("$T/public/w/target/debug/app")" "0 new" "a miss is compiled"
drained 3s
is "$(packs)" 3 "and nothing is written"
unset KACHE_REMOTE_MAIN_ANONYMOUS
long_term

# --- TLS ---
use_s3 "https://localhost:$((S3_PORT + 2))"
demo untrusted
is "$(remote_hits) $(stored)" "0 3" "an unknown CA: all is compiled"
says "certificate|CA|trust" "and the status says so"
export AWS_CA_BUNDLE=$T/rgw/ca.pem
demo trusted
is "$(remote_hits) $(rustc_runs)" "3 0" "with AWS_CA_BUNDLE: hits over TLS"
use_s3 "https://localhost:$((S3_PORT + 2))" tls
demo tlswriter
check "drain" drained
is "$(packs tls)" 3 "and uploads"
export AWS_CA_BUNDLE=$T/no-such-file
demo lostca
is "$(remote_hits)" 0 "a bundle that is not there: no remote"
says "certificate|CA|bundle|no-such-file" "and the status says so"
unset AWS_CA_BUNDLE

# --- the bucket in the host name ---
use_s3 "http://localhost:$S3_PORT" virtual
export KACHE_REMOTE_MAIN_PATH_STYLE=no
if curl -s --noproxy "*" -o "$T/virtual.out" \
	"http://kache.localhost:$S3_PORT/"; then
	demo virtual
	check "drain" drained
	is "$(packs virtual)" 3 "virtual-host style: uploads"
	demo virtualtoo
	is "$(remote_hits) $(rustc_runs)" "3 0" "and hits"
else
	skip "virtual-host style" "kache.localhost has no address here"
fi
unset KACHE_REMOTE_MAIN_PATH_STYLE

# --- wrong places ---
use_s3 "$S3_ENDPOINT"
export KACHE_REMOTE_MAIN_URL=s3://missing/p
demo nobucket
drained 3s
says "bucket" "a bucket that is not there is said"
use_s3 http://127.0.0.1:1
demo noserver
says "connect|refused|reach" "a server that is not there is said"

# --- another server ---
gw=$T/versitygw
gw_port=$(free_port)
env -u HOME HOME="${SCENARIO_HOME:-/root}" "$TESTS/versitygw-up" "$gw" \
	"$gw_port" >"$T/gw.out" 2>&1
rc=$?
if [ $rc = 3 ]; then
	skip "versitygw" "it cannot be built here"
	done_testing
fi
is "$rc" 0 "versitygw runs"
at_end "kill $(cat "$gw/pid" 2>/dev/null)"
mkdir -p "$gw/data/kache"
use_s3 "http://127.0.0.1:$gw_port"
demo gw
check "drain" drained
is "$(find "$gw/data/kache/p/v1/packs" -type f | wc -l)" 3 \
	"versitygw: three packs are files in its directory"
is "$(find "$gw/data/kache/p/v1/packs" -type f -exec head -c 7 {} \; )" \
	kchpackkchpackkchpack "which are what LAYOUT says"
demo gwtoo
is "$(remote_hits) $(rustc_runs)" "3 0" "a second machine compiles nothing"
export AWS_SECRET_ACCESS_KEY=wrong
demo gwwrong
drained 3s
says "secret|signature|keys are wrong" "a wrong secret is said"
done_testing
