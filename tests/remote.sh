# SPDX-License-Identifier: Apache-2.0
# More for scenario tests with a remote; sourced after tests/lib.sh.
# "Machines" are a HOME, a CARGO_HOME and a cache directory each.

free_port() { # prints the first of three free ports in a row
	python3 - <<'END'
import random, socket
while True:
    base = random.randrange(20000, 29000)
    held = []
    try:
        for p in range(base, base + 4):
            s = socket.socket()
            held.append(s)
            s.bind(("127.0.0.1", p))
    except OSError:
        continue
    finally:
        for s in held:
            s.close()
    print(base)
    break
END
}

# A Ceph RGW for this test; sets S3_PORT, S3_ENDPOINT and the AWS_ variables.
rgw() {
	local try

	for try in 1 2 3; do
		S3_PORT=$(free_port)
		env -u HOME HOME="$T/rgw-home" "$TESTS/rgw-up" "$T/rgw" \
			"$S3_PORT" >"$T/rgw.out" 2>&1 && break
		"$TESTS/rgw-down" "$T/rgw"
		rm -rf "$T/rgw"
	done
	[ -e "$T/rgw/env" ] || { cat "$T/rgw.out"; return 1; }
	at_end "$TESTS/rgw-down $T/rgw"
	S3_ENDPOINT=http://127.0.0.1:$S3_PORT
	export AWS_ACCESS_KEY_ID=AKIATEST AWS_SECRET_ACCESS_KEY=secrettest
}

# The fault proxy in front of it; sets PROXY_PORT, and rules are in $RULES.
fault_proxy() {
	PROXY_PORT=$(free_port)
	RULES=$T/rules
	: >"$RULES"
	"$(tool fault-proxy)" "$PROXY_PORT" "$S3_PORT" "$RULES" "$T/proxy.log" &
	PROXY_PID=$!
	at_end "kill $PROXY_PID 2>/dev/null; wait $PROXY_PID 2>/dev/null"
	for _ in $(seq 50); do
		(exec 3<>"/dev/tcp/127.0.0.1/$PROXY_PORT") 2>/dev/null && break
		sleep 0.05
	done
}

rules() { # LINE...: the proxy's rules from now on
	printf '%s\n' "$@" >"$RULES.new"
	mv "$RULES.new" "$RULES"
	sleep 0.02
}

# Uses the remote at ENDPOINT (default: the server itself).
use_s3() { # [ENDPOINT [PREFIX]]
	export KACHE_REMOTE_MAIN_URL=s3://kache/${2-p}
	export KACHE_REMOTE_MAIN_ENDPOINT=${1-$S3_ENDPOINT}
	export KACHE_REMOTE_MAIN_REGION=us-east-1
}

MACHINES=()
machine() { # NAME: from now on we are on that machine
	export HOME=$T/$1/home CARGO_HOME=$T/$1/cargo
	export KACHE_CACHE_DIR=$T/$1/cache
	if [ ! -d "$HOME" ]; then
		mkdir -p "$HOME" "$CARGO_HOME"
		MACHINES+=("$1")
		at_end "_end_daemon $T/$1/cache"
	fi
	_mark=0
	mark
}

_end_daemon() { # CACHE-DIR
	local pid

	pid=$(sed -n 's/^pid=//p' <<<"$(KACHE_CACHE_DIR=$1 daemon_report)")
	[ -n "$pid" ] || return 0
	kill -CONT "$pid" 2>/dev/null
	kill -TERM "$pid" 2>/dev/null
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null
}

# The lines name=value that the daemon of this machine reports.
daemon_report() {
	"$KACHE" daemon status --raw 2>/dev/null
}

reported() { # NAME: one value of it
	daemon_report | sed -n "s/^$1=//p"
}

daemon_pid() {
	reported pid
}

drained() {
	"$KACHE" drain --timeout "${1-60s}" >"$T/drain.out" 2>&1
}

intents() { # how many wait in the spool
	find "$KACHE_CACHE_DIR/spool" -mindepth 2 -type f \
		! -path '*/dead/*' 2>/dev/null | wc -l
}

s3_get() { # KEY FILE: by a client that is not ours
	curl -sS --fail --noproxy '*' --aws-sigv4 aws:amz:us-east-1:s3 \
		-u AKIATEST:secrettest -H "x-amz-content-sha256: $EMPTY_SHA" \
		-o "$2" "$S3_ENDPOINT/kache/$1"
}

EMPTY_SHA=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

s3_keys() { # [PREFIX]: every key below it, one a line
	curl -sS --fail --noproxy '*' --aws-sigv4 aws:amz:us-east-1:s3 \
		-u AKIATEST:secrettest -H "x-amz-content-sha256: $EMPTY_SHA" \
		"$S3_ENDPOINT/kache?list-type=2&prefix=$(sed 's|/|%2F|g' \
			<<<"${1-p/}")" | grep -o '<Key>[^<]*' | cut -c6-
}

remote_hits() { # asked for, or fetched ahead
	count remote_hit prefetch_hit
}

# A workspace with a library chain, a proc macro and a binary, at DIR.
workspace() { # DIR
	local d=$1

	put "$d/Cargo.toml" '[workspace]
members = ["app", "words", "mac"]
resolver = "2"'
	package "$d/mac" mac '[lib]
proc-macro = true'
	put "$d/mac/src/lib.rs" 'use proc_macro::TokenStream;
#[proc_macro]
pub fn seven(_: TokenStream) -> TokenStream {
    "7u32".parse().unwrap()
}'
	package "$d/words" words '[dependencies]
mac = { path = "../mac" }'
	put "$d/words/src/lib.rs" 'pub fn number() -> u32 { mac::seven!() + 35 }
pub fn place() -> &'"'"'static str { file!() }'
	package "$d/app" app '[dependencies]
words = { path = "../words" }'
	put "$d/app/src/main.rs" 'fn unused() {}
fn main() {
    println!("{} {}", words::number(), words::place());
}'
}
