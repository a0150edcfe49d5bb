#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A shared directory in which somebody has been at work: whatever lies there,
# builds succeed with the right result, in no more time than a compile.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/remote.sh"
# A build manifest leads to packs without the manifests that are spoilt here.
export KACHE_PREFETCH_ENABLED=no

if [ -n "$TRYING" ] || ! command -v python3 >/dev/null; then
	skip "a hostile remote" "needs our wrapper and python3"
	done_testing
fi
good=$T/good
export KACHE_REMOTE_MAIN_URL=file://$good
mkdir "$good"
machine a
workspace "$T/a/w"
kcargo "$T/a/w" build
check "A uploads" drained
is "$(find "$good/v1/packs" -type f | wc -l)" 3 "three packs"
want=$(cd "$T/a/w" && ./target/debug/app)

n=0
# A fresh machine builds from a copy of the remote after WHAT was done to it.
# COMPILES: units that must be compiled.
hostile() { # DESCRIPTION COMPILES WHAT
	local what=$1 compiles=$2 bad start

	n=$((n + 1))
	bad=$T/bad$n
	cp -r "$good" "$bad"
	(cd "$bad/v1" && eval "$3") || { not_ok "$what: prepare"; return; }
	export KACHE_REMOTE_MAIN_URL=file://$bad
	machine "b$n"
	workspace "$T/b$n/w"
	start=$SECONDS
	kcargo "$T/b$n/w" build
	is "$? $(cd "$T/b$n/w" && ./target/debug/app)" "0 $want" \
		"$what: the right program"
	is "$(rustc_runs)" "$compiles" "$what: compiled $compiles"
	is "$((SECONDS - start < 20))" 1 "$what: in time"
	# What came in vain is not left behind.
	is "$(find "$KACHE_CACHE_DIR/tmp" -type f | wc -l)" 0 \
		"$what: nothing is left in tmp"
	is "$("$KACHE" verify 2>&1 >/dev/null; echo $?)" 0 \
		"$what: the store is whole"
}

packs() { # COMMAND: for every pack $f
	local f

	for f in packs/*/*; do
		eval "$1" || return
	done
}

flip() { # FILE PERCENT: a bit of the byte there
	python3 - "$1" "$2" <<'END'
import sys
p = sys.argv[1]
b = bytearray(open(p, "rb").read())
b[(len(b) - 1) * int(sys.argv[2]) // 100] ^= 4
open(p, "wb").write(b)
END
}

# Another text of the same length in all manifests, with a sound checksum.
forge() { # FROM TO
	python3 - "$1" "$2" <<'END'
import glob, hashlib, sys
a, b = (s.encode() for s in sys.argv[1:])
assert len(a) == len(b)
hit = 0
for p in glob.glob("units/*/*"):
    old = open(p, "rb").read()
    content = old[24:].replace(a, b)
    hit += content != old[24:]
    sum = hashlib.sha256(old[:16] + content).digest()[:8]
    open(p, "wb").write(old[:16] + sum + content)
assert hit
END
}

hostile "untouched" 0 :
for at in 0 1 30 60 99; do
	hostile "a flipped bit at $at %" 3 "packs 'flip \"\$f\" $at'"
done
hostile "cut packs" 3 "packs 'truncate -s -1 \"\$f\"'"
hostile "empty packs" 3 "packs ': >\"\$f\"'"
hostile "long packs" 3 "packs 'echo >>\"\$f\"'"
hostile "packs under each other's names" 3 '
	set -- packs/*/*
	mv "$1" x && mv "$2" "$1" && mv "$3" "$2" && mv x "$3"'
hostile "directories for packs" 3 'packs "rm \$f && mkdir \$f"'
hostile "pipes for packs" 3 'packs "rm \$f && mkfifo \$f"'
hostile "endless packs" 3 'packs "ln -sf /dev/zero \$f"'
hostile "packs that lead elsewhere" 3 \
	'packs "mv \$f \$T/ && ln -s \$T/\${f##*/} \$f"'
hostile "no packs" 3 'rm -r packs'
hostile "rubbish for manifests" 3 '
	for f in units/*/*; do echo rubbish >"$f"; done'
hostile "pipes for manifests" 3 '
	for f in units/*/*; do rm "$f" && mkfifo "$f"; done'
hostile "huge manifests" 3 '
	for f in units/*/*; do truncate -s 20M "$f"; done'

# A manifest that wants a file of the user read. The packs are sound, but
# nobody may be brought to ask for them so. (The program is compiled as well:
# a new archive of its library has other random names inside.)
hostile "a manifest that names /etc/hosts" 2 \
	'forge fw/words/src/lib.rs f/etc/../etc//hosts'
hostile "a manifest that leads out of the package" 2 \
	'forge fw/words/src/lib.rs fw/../../../../xxxx'

done_testing
