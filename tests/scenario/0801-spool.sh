#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is put into the spool, and what never is. Nothing is ever uploaded here:
# the daemon's socket is a directory, so none can start.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/remote.sh"

mkdir -p "$T/bucket" "$T/no-socket"
export KACHE_REMOTE_MAIN_URL=file://$T/bucket
export KACHE_DAEMON_SOCKET=$T/no-socket
chmod 500 "$T/no-socket"

fresh() { # an empty store; the toolchain stays known
	rm -rf "$KACHE_CACHE_DIR"/{spool,entries/*,manifests/*} "$T/w/target"
	mark
}

workspace "$T/w"
kcargo "$T/w" build
is "$?" 0 "it builds"
is "$(stored)" 3 "three units are stored"
is "$(intents)" 3 "three intents"
is "$(find "$KACHE_CACHE_DIR/spool" -type f -size +4k | wc -l)" 0 \
	"none is larger than 4 KiB"
is "$(stat -c %a "$KACHE_CACHE_DIR/spool")" 700 "the spool is private"
like "$(events | cut -f8 | head -1)" '^[0-9a-f]{64}$' "units have keys"

rm -rf "$T/w/target" "$KACHE_CACHE_DIR/spool"
mark
kcargo "$T/w" build
is "$(count local_hit)" 3 "then they hit"
is "$(intents)" 0 "a hit is no intent"

# --- who writes ---
for env in KACHE_REMOTE_MAIN_MODE=ro KACHE_REMOTE_MAIN_WRITE=no CI=true \
	"CI=true GITHUB_ACTIONS=true GITHUB_REF_PROTECTED=true \
	GITHUB_EVENT_NAME=pull_request" \
	"CI=true GITLAB_CI=true CI_COMMIT_REF_PROTECTED=false"; do
	fresh
	(export $env && kcargo "$T/w" build)
	is "$(stored) $(intents)" "3 0" "no intent with ${env//$'\t'/}"
done
fresh
(export CI=true GITHUB_ACTIONS=true GITHUB_REF_PROTECTED=true \
	GITHUB_EVENT_NAME=push && kcargo "$T/w" build)
is "$(intents)" 3 "a protected push writes"
fresh
(export CI=true KACHE_REMOTE_MAIN_WRITE=yes && kcargo "$T/w" build)
is "$(intents)" 3 "write = yes writes in any CI"
fresh
(export KACHE_STORE_PORTABLE=no && kcargo "$T/w" build)
is "$(intents) $(events | grep -c local:bound)" "0 3" \
	"portable = no stays here"
fresh
(export KACHE_STORE_PORTABLE=no KACHE_REMOTE_MAIN_UPLOAD_BOUND=yes &&
	kcargo "$T/w" build)
is "$(intents)" 0 "even with upload_bound: no reader may look at such paths"
package "$T/d" bound
put "$T/d/src/main.rs" 'fn main() { println!("{}", env!("CARGO_MANIFEST_DIR")); }'
fresh
kcargo "$T/d" build
is "$(intents) $(events | grep -c local:bound)" "0 1" \
	"a result that names its directory stays here"
rm -rf "$T/d/target"
fresh
(export KACHE_REMOTE_MAIN_UPLOAD_BOUND=yes && kcargo "$T/d" build)
is "$(intents)" 2 "with upload_bound it goes, and so does what leads to it"

# --- a spool that cannot be written ---
fresh
mkdir -p "$KACHE_CACHE_DIR"
rm -rf "$KACHE_CACHE_DIR/spool"
echo >"$KACHE_CACHE_DIR/spool"
kcargo "$T/w" build
is "$? $(stored)" "0 3" "an unwritable spool: built and stored all the same"
rm -f "$KACHE_CACHE_DIR/spool"

# --- secrets ---
package "$T/s" secrets
put "$T/s/src/main.rs" 'fn main() { println!("{}", env!("DEPLOY_TOKEN")); }'
export DEPLOY_TOKEN=canary-$$-canary
mark
kcargo "$T/s" build
is "$?" 0 "a program with a secret builds"
is "$(intents) $(events | grep -c local:private)" "0 1" \
	"a named secret is private"
put "$T/s/build.rs" 'fn main() {
    println!("cargo:rustc-env=INNOCENT={}",
        std::env::var("DEPLOY_TOKEN").unwrap());
}'
put "$T/s/src/main.rs" 'fn main() { println!("{}", env!("INNOCENT")); }'
mark
kcargo "$T/s" build
is "$(events | awk -F'\t' '$6 == "secrets" { print $4, $5 }')" \
	"miss local:private" "so is one under another name, by its value"
put "$T/s/src/main.rs" 'fn main() { println!("{}", env!("MY_OWN")); }'
export MY_OWN=only-i-know-this
rm -rf "$T/s/target"
mark
(export KACHE_PRIVACY_NEVER_UPLOAD='MY_*' && kcargo "$T/s" build)
is "$(events | awk -F'\t' '$6 == "secrets" { print $4, $5 }')" \
	"miss local:private" "and one that the user names"
like "$("$KACHE" stats)" "private" "kache stats counts them"
found=$(grep -rlaF -e "$DEPLOY_TOKEN" -e "$MY_OWN" "$KACHE_CACHE_DIR" \
	--include='*' | grep -v /blobs/)
is "$found" "" "no secret in manifests, entries, spool or logs"

# --- a repository cannot switch it on ---
unset KACHE_REMOTE_MAIN_URL DEPLOY_TOKEN MY_OWN
fresh
put "$T/w/.cargo/config.toml" "[env]
KACHE_REMOTE_MAIN_URL = \"file://$T/bucket\"
KACHE_REMOTE_MAIN_WRITE = \"yes\"
KACHE_REMOTE_MAIN_MODE = \"rw\"
KACHE_CACHE_DIR = \"$T/elsewhere\"
KACHE_CONFIG = \"$T/evil.ini\"
KACHE_DAEMON_SOCKET = \"$T/evil.sock\"
KACHE_TRUST_SIGNING_KEY = \"$T/evil.key\"
KACHE_PRIVACY_NEVER_UPLOAD = \"X\"
KACHE_STORE_DIR = \"$T/elsewhere\"
AWS_ACCESS_KEY_ID = \"EVIL\"
AWS_SECRET_ACCESS_KEY = \"EVIL\"
HTTPS_PROXY = \"http://127.0.0.1:1\"
SSL_CERT_FILE = \"$T/evil.pem\"
"
put "$T/evil.ini" "[remote main]
url = file://$T/bucket"
kcargo "$T/w" build
is "$? $(stored) $(intents)" "0 3 0" "[env] cannot name a remote"
is "$(ls -d "$T/elsewhere" 2>/dev/null)" "" "nor move the store"
export CI=true KACHE_REMOTE_MAIN_URL=file://$T/bucket
fresh
put "$T/w/.cargo/config.toml" '[env]
CI = { value = "", force = true }
KACHE_REMOTE_MAIN_WRITE = { value = "yes", force = true }'
kcargo "$T/w" build
is "$(stored) $(intents)" "3 0" "nor hide that this is CI"
done_testing
