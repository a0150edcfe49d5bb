#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Credentials that do not last: a program fetches them from the server's STS
# and says that they expire soon. A build, the daemon's uploads and the next
# machine's downloads go on across their end; when there are no newer ones, it
# costs a line in the log and no build. No secret is written anywhere.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/remote.sh"

rgw || { not_ok "an S3 server"; done_testing; }
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
use_s3

# What a profile names: real temporary credentials that claim to end in $LIFE
# seconds. $T/fetch.log gets a line each time; with $T/fail it fails.
put "$T/bin/fetch" "#!/bin/sh
[ -e '$T/fail' ] && { echo canary-in-a-message >&2; exit 9; }
date +%s >>'$T/fetch.log'
ls -l /proc/self/fd >'$T/fetch.fds'
end=\$(date -u -d \"\$(cat '$T/life') seconds\" +%Y-%m-%dT%H:%M:%SZ)
'$TESTS/rgw-up' sts '$T/rgw' | tee -a '$T/secrets' | sed -n '
s/^AWS_ACCESS_KEY_ID=\(.*\)/{\"Version\":1,\"AccessKeyId\":\"\1\",/p
s/^AWS_SECRET_ACCESS_KEY=\(.*\)/\"SecretAccessKey\":\"\1\",/p
s/^AWS_SESSION_TOKEN=\(.*\)/\"SessionToken\":\"\1\",/p'
echo \"\\\"Expiration\\\":\\\"\$end\\\"}\""
chmod +x "$T/bin/fetch"
fetched() {
	wc -l <"$T/fetch.log"
}
on_machine() { # NAME
	machine "$1"
	put "$HOME/.aws/config" "[default]
credential_process = '$T/bin/fetch' --with 'an argument'"
}

# --- they are renewed while a build runs ---
echo 20 >"$T/life"
: >"$T/fetch.log"
on_machine a
workspace "$T/a/w"
kcargo "$T/a/w" build
is "$?" 0 "A builds with credentials from a program"
check "drain" drained
is "$(intents) $(reported uploads.done)" "0 3" "and uploads"
like "$(reported remote.credentials)" '^credential_process, [A-Za-z0-9]+$' \
	"the status says where they are from: $(reported remote.credentials)"
first=$(reported remote.credentials)
like "$(reported remote.expires)" '[0-9]' "and when they end"
is "$(grep -c -- '->' "$T/fetch.fds")" 4 \
	"the program has three descriptors, and the one it reads"
renewed() {
	[ "$(fetched)" -ge 3 ]
}
check "they are renewed before and after their first end" \
	wait_for 40 renewed
isnt "$(reported remote.credentials)" "$first" "the status shows new ones"
on_machine b
workspace "$T/b/w"
kcargo "$T/b/w" build
is "$? $(remote_hits) $(rustc_runs)" "0 3 0" "B gets all from the remote"
machine a
put "$T/a/w/words/src/lib.rs" 'pub fn number() -> u32 { mac::seven!() + 1 }
pub fn place() -> &'"'"'static str { "" }'
rm -rf "$T/a/w/target"
kcargo "$T/a/w" build
is "$?" 0 "A builds on after their end"
check "drain" drained
is "$(intents) $(reported uploads.failed)" "0 0" "and uploads"

# --- there are no newer ones ---
touch "$T/fail"
expired() {
	[[ $(reported remote.credentials) = *expired* ]]
}
check "without newer ones they expire" wait_for 40 expired
like "$(reported remote.credentials)" 'failed with status 9' \
	"the status says why: $(reported remote.credentials)"
put "$T/a/w/words/src/lib.rs" 'pub fn number() -> u32 { mac::seven!() + 2 }
pub fn place() -> &'"'"'static str { "" }'
rm -rf "$T/a/w/target"
kcargo "$T/a/w" build
is "$?" 0 "a build without valid ones is right"
is "$("$T/a/w/target/debug/app")" "9 " "so is its program"
drained 2s
isnt "$(intents)" 0 "its results wait in the spool"
like "$(reported remote.problem)" 'expired.*failed with status 9' \
	"the remote's problem is said"
is "$(grep -c 'credentials cannot be renewed' "$KACHE_CACHE_DIR/daemon.log")" \
	1 "that they cannot be renewed is one line"
is "$(grep -c 'credentials have expired' "$KACHE_CACHE_DIR/daemon.log")" 1 \
	"that they have expired is one line"
rm "$T/fail"
uploaded() {
	drained 5s
	[ "$(intents)" = 0 ]
}
check "once the program works again all goes" wait_for 60 uploaded
is "$(find "$KACHE_CACHE_DIR/spool/dead" -type f 2>/dev/null | wc -l)" 0 \
	"and nothing was given up"

# --- no secret anywhere ---
grep -hE 'SECRET|TOKEN' "$T/secrets" | cut -d= -f2- | sort -u >"$T/words"
isnt "$(wc -l <"$T/words")" 0 "there were secrets"
echo canary-in-a-message >>"$T/words"
for m in a b; do
	machine "$m"
	{
		daemon_report
		"$KACHE" daemon status
		"$KACHE" stats
	} >"$T/$m/said" 2>&1
	is "$(grep -rlaF -f "$T/words" "$T/$m" | grep -v '/secrets$')" "" \
		"$m: none is in a log, a status or the store"
done
done_testing
