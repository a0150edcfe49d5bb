#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A remote is there, but the surroundings are odd or hostile: no home, other
# namespaces, a repository that sets every variable, secrets in the build.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/remote.sh"

rgw || { not_ok "an S3 server"; done_testing; }
use_s3
machine a
w=$T/a/w
workspace "$w"

right() { # DESCRIPTION STATUS: the build was right and said nothing of ours
	is "$2 $("$w/target/debug/app" 2>&1) $(grep -ci kache "$T/out")" \
		"0 42 words/src/lib.rs 0" "$1"
	rm -rf "$w/target"
}
serving() { # kached of this machine that run
	local p n=0

	for p in $(grep -lsaF "HOME=$HOME" /proc/[0-9]*/environ 2>/dev/null); do
		case $(readlink "${p%/environ}/exe") in
		*/kached*) n=$((n + 1)) ;;
		esac
	done
	echo $n
}
none_serve() {
	[ "$(serving)" = 0 ]
}
try() { # COMMAND...: starts the build of $w
	(cd "$w" && RUSTC_WRAPPER=$WRAPPER timeout -k 5 60 "$@" \
		cargo build -q) >"$T/out" 2>&1
}

# --- homes and directories ---
(unset HOME KACHE_CACHE_DIR && try env)
right "no HOME and no cache directory" $?
(unset HOME && try env)
right "no HOME, but a cache directory" $?
check "drain" drained
is "$(s3_keys p/v1/packs/ | wc -l)" 3 "which is uploaded"
if is_root; then
	mkdir -p "$T/theirs" "$T/ro"
	chown 65534:65534 "$T/theirs"
	(export KACHE_CACHE_DIR=$T/theirs && try env)
	right "a store of another user" $?
	is "$(find "$T/theirs" -mindepth 1)" "" "nothing is put there"
	if mount -t tmpfs -o ro none "$T/ro"; then
		at_exit 'umount -l "$T/ro"'
		(unset KACHE_CACHE_DIR && export HOME=$T/ro && try env)
		right "a home that cannot be written to" $?
	else
		skip "a home that cannot be written to" "no mount"
	fi
else
	skip "a store of another user, a read-only home" "not root"
fi

# --- namespaces: with an own cache each, empty and then filled ---
elsewhere() { # NAME COMMAND...
	local name=$1 i

	shift
	if ! "$@" true 2>/dev/null; then
		skip "$name" "not allowed here"
		return
	fi
	machine "ns-${name//[^a-z]/}"
	for i in first second; do
		try "$@"
		right "$name, the $i time" $?
	done
	# One that was started on demand ends with a PID namespace, or later.
	"$KACHE" daemon stop >/dev/null 2>&1
	check "$name: no daemon is left" wait_for 10 none_serve
	check "$name: the store is sound" "$KACHE" verify
	machine a
	rm -rf "$KACHE_CACHE_DIR"/{entries,manifests}/*
	try "$@"
	right "$name, beside the daemon outside" $?
}
check "a daemon outside" "$KACHE" daemon start
elsewhere "another PID namespace" unshare -p -f --mount-proc
elsewhere "another PID namespace with the old /proc" unshare -p -f
elsewhere "another user namespace" unshare -U -r
elsewhere "a user namespace without a map" unshare -U
"$KACHE" daemon stop >/dev/null 2>&1

# --- a repository that sets every variable of ours ---
table() { # NAME VALUE
	printf '%s = { value = "%s", force = true }\n' "$1" "$2"
}
evil_table() {
	local id section name type

	echo "[env]"
	sed -n 's/^KEY([A-Z_]*, "\([^"]*\)", "\([^"]*\)", CONFIG_\([A-Z]*\),.*/\1:\2:\3/p' \
		"$TESTS/../src/config/config_keys.def" |
		while IFS=: read -r section name type; do
			id=KACHE_${section// /_}_$name
			id=${id^^}
			case $type in
			PATH) table "$id" "$T/evil/$name" ;;
			URL) table "$id" "file://$T/evil/bucket" ;;
			STRING) table "$id" http://127.0.0.1:1 ;;
			BOOL) table "$id" yes ;;
			esac
		done
	for name in KACHE_CACHE_DIR KACHE_CONFIG HOME XDG_CONFIG_HOME \
		XDG_CACHE_HOME XDG_RUNTIME_DIR AWS_CA_BUNDLE AWS_CONFIG_FILE \
		AWS_SHARED_CREDENTIALS_FILE AWS_WEB_IDENTITY_TOKEN_FILE \
		SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE; do
		table "$name" "$T/evil/$name"
	done
	for name in AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN \
		AWS_PROFILE AWS_REGION AWS_DEFAULT_REGION AWS_ROLE_ARN; do
		table "$name" evil
	done
	for name in HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy \
		all_proxy AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 \
		AWS_CONTAINER_CREDENTIALS_FULL_URI; do
		table "$name" http://127.0.0.1:1
	done
	table NO_PROXY x
	table no_proxy x
	table KACHE_REMOTE_MAIN_MODE ro
	table KACHE_REMOTE_MAIN_WRITE no
	table CI true
	table GITHUB_ACTIONS true
	table GITHUB_EVENT_NAME pull_request
}
facts() { # what a daemon says of where things are
	daemon_report | grep -E \
		'^(socket|log|remote\.(url|mode|problem|credentials))='
}
check "a daemon by hand" "$KACHE" daemon start
facts >"$T/facts"
like "$(cat "$T/facts")" "AKIATEST" "its facts are there"
"$KACHE" daemon stop >/dev/null
package "$T/a/evil" evil
put "$T/a/evil/src/main.rs" 'fn main() { println!("evil"); }'
evil_table >"$T/table"
diag "$(($(wc -l <"$T/table") - 1)) variables"
check "the table has them all" grep -q KACHE_DAEMON_SOCKET "$T/table"
mkdir -p "$T/a/evil/.cargo"
cp "$T/table" "$T/a/evil/.cargo/config.toml"
mkdir -p "$T/evil"
put "$T/evil/KACHE_CONFIG" "[remote main]
url = file://$T/evil/bucket"
find "$T/evil" | sort >"$T/evil.before"
packs=$(s3_keys p/v1/packs/ | wc -l)
mark
kcargo "$T/a/evil" build -q
is "$? $("$T/a/evil/target/debug/evil") $(stored)" "0 evil 1" \
	"the build is right, and stored in the user's store"
isnt "$(daemon_pid)" "" "the shim started a daemon at the user's socket"
check "drain" drained
is "$(facts)" "$(cat "$T/facts")" "no fact is another one than by hand"
is "$(s3_keys p/v1/packs/ | wc -l)" $((packs + 1)) \
	"what was compiled is in the user's bucket"
is "$(find "$T/evil" | sort | diff "$T/evil.before" -)" "" \
	"nothing is where the table pointed"
if unshare -p -f true 2>/dev/null; then
	# Whose child we are cannot be told there.
	rm -rf "$T/a/evil/target"
	(cd "$T/a/evil" && RUSTC_WRAPPER=$WRAPPER timeout -k 5 60 \
		unshare -p -f cargo build -q) >"$T/out" 2>&1
	is "$? $("$T/a/evil/target/debug/evil")" "0 evil" \
		"nor does it matter where /proc is another namespace's"
	is "$(find "$T/evil" | sort | diff "$T/evil.before" -)" "" \
		"where nothing of it counts, either"
else
	skip "the table in another namespace" "not allowed here"
fi

# --- a canary ---
"$KACHE" daemon stop >/dev/null
canary=canary-$RANDOM$RANDOM-$$-sings
export DEPLOY_TOKEN=$canary KACHE_LOG=debug
s=$T/a/secrets
put "$s/Cargo.toml" '[workspace]
members = ["named", "renamed", "written", "told", "quiet"]
resolver = "2"'
package "$s/named" named
put "$s/named/src/lib.rs" \
	'pub const A: &str = env!("DEPLOY_TOKEN"); pub fn a() -> &'"'"'static str { A }'
package "$s/renamed" renamed
put "$s/renamed/build.rs" 'fn main() {
    println!("cargo:rustc-env=INNOCENT={}",
        std::env::var("DEPLOY_TOKEN").unwrap());
}'
put "$s/renamed/src/lib.rs" \
	'pub const A: &str = env!("INNOCENT"); pub fn a() -> &'"'"'static str { A }'
package "$s/written" written
put "$s/written/build.rs" 'fn main() {
    let to = std::env::var("OUT_DIR").unwrap() + "/text";
    std::fs::write(to, std::env::var("DEPLOY_TOKEN").unwrap()).unwrap();
}'
put "$s/written/src/lib.rs" \
	'pub fn a() -> &'"'"'static str { include_str!(concat!(env!("OUT_DIR"), "/text")) }'
package "$s/told" told
put "$s/told/build.rs" 'fn main() {
    let to = std::env::var("OUT_DIR").unwrap() + "/text.rs";
    let said = std::env::var("DEPLOY_TOKEN").unwrap();
    std::fs::write(to, format!(
        "#[deprecated(note = \"{said}\")] pub fn old() {{}}\n\
         pub fn new() {{ old() }}")).unwrap();
}'
put "$s/told/src/lib.rs" 'include!(concat!(env!("OUT_DIR"), "/text.rs"));'
package "$s/quiet" quiet
put "$s/quiet/src/lib.rs" 'pub fn a() -> u32 { 1 }'
packs=$(s3_keys p/v1/packs/ | wc -l)
mark
kcargo "$s" build
is "$?" 0 "crates with a secret build"
like "$(cat "$T/out")" "$canary" "one says it, as without a cache"
is "$(events | awk -F'\t' '$5 == "local:private" { print $6 }' | sort |
	tr '\n' ' ')" "named renamed told written " \
	"those that hold it are private"
check "drain" drained
check "what does not hold it is uploaded" \
	test "$(s3_keys p/v1/packs/ | wc -l)" -gt "$packs"
mkdir -p "$T/objects"
n=0
for key in $(s3_keys ""); do
	n=$((n + 1))
	s3_get "$key" "$T/objects/$n" || not_ok "get $key"
done
cat >"$T/frames.py" <<'END'
import subprocess, sys
for name in sys.argv[1:]:
    data = open(name, "rb").read()
    at = data.find(b"\x28\xb5\x2f\xfd")
    if not data.startswith(b"kchpack") or at < 0:
        continue
    plain = subprocess.run(["zstd", "-dqc"], input=data[at:],
                           stdout=subprocess.PIPE, check=True).stdout
    open(name + ".plain", "wb").write(plain)
END
python3 "$T/frames.py" "$T"/objects/*
isnt "$(ls "$T/objects" | grep -c plain)" 0 \
	"objects are read, and their frames ($n, $(ls "$T/objects" |
	grep -c plain))"
is "$(grep -rlaF -e "$canary" -e DEPLOY_TOKEN= "$T/objects")" "" \
	"no object holds the secret"
is "$(grep -rlaF -e secrettest "$T/objects" "$KACHE_CACHE_DIR")" "" \
	"nor the key of the bucket, and no file of ours does"
# Entries hold what the compiler said, so `told` is there to be told again.
is "$(grep -rlaF "$canary" "$KACHE_CACHE_DIR" | grep -v -e /blobs/ |
	grep -vc /entries/)" 0 "manifests, spool, events and logs do not"
is "$(grep -rlaF "$canary" "$KACHE_CACHE_DIR/entries" | wc -l)" 1 \
	"entries only what the compiler said"
is "$({ "$KACHE" daemon status --raw; "$KACHE" daemon; "$KACHE" stats
	"$KACHE" monitor --once; "$KACHE" config; } 2>&1 |
	grep -c -e "$canary" -e secrettest)" 0 "no command shows it"
pid=$(daemon_pid)
is "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -c "$canary")" 0 \
	"the daemon that was started on demand does not know it"
done_testing
