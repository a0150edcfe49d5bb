#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a daemon that talks to strangers may not do: read without an end, gain
# rights, or be heard of where it cannot be reached.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/remote.sh"

w=$T/w
names="a b c d"
put "$w/Cargo.toml" "[workspace]
members = [\"app\", $(printf '"%s", ' $names)]
resolver = \"2\""
deps=
for c in $names; do
	package "$w/$c" "$c"
	put "$w/$c/src/lib.rs" "pub fn it() -> &'static str { \"$c\" }"
	deps+="$c = { path = \"../$c\" }
"
done
package "$w/app" app "[dependencies]
$deps"
put "$w/app/src/main.rs" 'fn main() { println!("{}{}{}{}", a::it(), b::it(), c::it(), d::it()) }'

# --- answers without an end; nobody else is behind the proxy ---
if command -v python3 >/dev/null; then
	S3_PORT=$(free_port)
	python3 -c 'import socket, sys
s = socket.socket()
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen(64)
while True:
    keep = s.accept()' "$S3_PORT" &
	behind=$!
	at_end "kill $behind 2>/dev/null; wait $behind 2>/dev/null"
	fault_proxy
	use_s3 "http://127.0.0.1:$PROXY_PORT"
	export AWS_ACCESS_KEY_ID=AKIATEST AWS_SECRET_ACCESS_KEY=secrettest
	machine a
	MiB=$((1 << 20))
	# What each answer may be, and what the kernel's buffers hold besides.
	endless() { # STATUS LARGEST-MiB RULE...
		local status=$1 most=$2 largest sum

		shift 2
		rm -rf "$w/target" "$KACHE_CACHE_DIR"
		: >"$T/proxy.log"
		rules "$@"
		kcargo "$w" build -q
		is "$? $("$w/target/debug/app")" "0 abcd" "endless $status: B builds"
		"$KACHE" daemon stop >/dev/null 2>&1
		largest=$(sed -n 's/^endless //p' "$T/proxy.log" | sort -n | tail -1)
		sum=$(sed -n 's/^endless //p' "$T/proxy.log" |
			awk '{ n += $1 } END { print n + 0 }')
		isnt "$largest" "" "endless $status: it was asked"
		check "endless $status: one answer, ${largest:-0} bytes" \
			test "${largest:-0}" -le $((most * MiB))
		check "endless $status: all, $sum bytes" \
			test "$sum" -le $((8 * most * MiB))
	}
	endless 404 4 "* * endless 404"
	endless 403 4 "* * endless 403"
	endless 503 4 "* * endless 503"
	endless 200 20 "GET units endless 200" "* * status 404"
	endless 200 4 "GET FORMAT endless 200" "* * status 403 -1 AccessDenied"
	unset KACHE_REMOTE_MAIN_ENDPOINT KACHE_REMOTE_MAIN_REGION
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
else
	cannot "answers without an end" "no python3"
fi

# --- what the daemon has of the kernel ---
rights() { # prints NoNewPrivs and whether there is a filter
	local pid

	"$KACHE" daemon start >/dev/null 2>&1
	pid=$("$KACHE" daemon status --raw | sed -n 's/^pid=//p')
	awk '$1 == "NoNewPrivs:" { n = $2 }
		$1 == "Seccomp_filters:" { f = $2 }
		END { print n, f + 0 }' "/proc/$pid/status"
	"$KACHE" daemon stop >/dev/null 2>&1
}
export KACHE_REMOTE_MAIN_URL=file://$T/remote
before=$(awk '$1 == "Seccomp_filters:" { f = $2 } END { print f + 0 }' \
	/proc/self/status)
is "$(rights)" "1 $((before + 1))" "the daemon gains no rights"
is "$(KACHE_DAEMON_SANDBOX=no rights)" \
	"$(awk '$1 == "NoNewPrivs:" { print $2 }' /proc/self/status) $before" \
	"sandbox = no leaves all as it is"

# --- one that is not there is a matter of debug ---
rm -rf "$T/alone"
mkdir -p "$T/alone/bin" "$T/alone/libexec"
cp "$PREFIX/bin/kache-shim" "$T/alone/bin/"
cp -r "$PREFIX/libexec/kache" "$T/alone/libexec/"
for level in info debug; do
	rm -rf "$w/target" "$KACHE_CACHE_DIR"
	(cd "$w" && KACHE_LOG=$level RUSTC_WRAPPER=$T/alone/bin/kache-shim \
		cargo build -q) >"$T/out" 2>&1
	is "$? $(cat "$T/out")" "0 " "no kached, $level: builds, and says nothing"
	said=$(grep -ci -e daemon -e kached -e plan-hint \
		"$KACHE_CACHE_DIR/shim.log" 2>/dev/null)
	if [ $level = info ]; then
		is "${said:-0}" 0 "no kached: nothing at info"
	else
		isnt "${said:-0}" 0 "no kached: lines at debug"
	fi
done
done_testing
