#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command `kache` from the build directory, on stores made by hand. TAP.
kache=$PWD/kache
work=$(mktemp -d "${TMPDIR:-/tmp}/kache-test.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
unset RUSTC_WRAPPER XDG_CONFIG_HOME XDG_CACHE_HOME
for name in $(env | sed -n 's/^\(KACHE_[A-Z_]*\)=.*/\1/p'); do
	unset "$name"
done
export HOME=$work/home KACHE_CACHE_DIR=$work/store LC_ALL=C
mkdir -p "$HOME" "$work/bin"
# The user's own systemd must not notice us.
cat >"$work/bin/systemctl" <<'EOF'
#!/bin/sh
echo "$*" >>"${0%/*}/calls"
echo "${SYSTEMCTL_SAYS-}"
[ -n "${SYSTEMCTL_SAYS-}" ]
EOF
chmod +x "$work/bin/systemctl"
PATH=$work/bin:$PATH
n=0
bad=0

run() { # WANTED-STATUS|any ARGUMENT...: output goes to $out
	local want=$1

	shift
	out=$("$kache" "$@" 2>&1)
	status=$?
	[ "$want" = any ] && want=$status
	[ $status = "$want" ] || out="status $status, not $want: $out"
	[ $status = "$want" ]
}
point() { # DESCRIPTION, after a command whose status counts
	local rc=$?

	n=$((n + 1))
	if [ $rc = 0 ]; then
		echo "ok $n - $1"
	else
		bad=$((bad + 1))
		echo "not ok $n - $1"
		printf '%s\n' "$out" | sed 's/^/# /'
	fi
}
has() {
	printf '%s\n' "$out" | grep -qE -- "$1"
}
event() { # TIME-MS OUTCOME REASON KIND SAVED STATUS
	printf 'k1\t%s\t0\t%s\t%s\tc\t%s\t\t\t\t1\t2\t3\t4\t5\t60\t7\t%s\t%s\tbuild\tdebug\tp\t1\t/\n' \
		"$1" "$2" "$3" "$4" "$5" "$6"
}
json() { # PYTHON-EXPRESSION over d, true if it holds
	printf '%s' "$out" | python3 -c "import json, sys
d = json.load(sys.stdin)
sys.exit(0 if $1 else 1)"
}

run 2; point "no command is a usage error"
has '^usage: kache'; point "and says how"
run 0 --help && has 'stats .*gc .*|  gc '; point "--help lists commands"
run 0 --help && ! has plan-hint; point "--help keeps what is internal to itself"
run 2 plan-hint; point "plan-hint without a session"
run 2 plan-hint --session 1 --pid 1 --toolchain 12; point "a short toolchain"
run 2 plan-hint --session 1 --pid -1; point "a negative process"
run 2 plan-hint --session 1 --pid 1 --workspace w; point "a relative workspace"
run 0 --version && has '^kache [0-9]'; point "--version"
run 2 nonsense && has "no command 'nonsense'"; point "an unknown command"
for c in stats gc verify config monitor daemon drain; do
	run 0 help $c && has "^usage: kache $c"; point "help $c"
	run 0 $c --help && has "^usage: kache $c"; point "$c --help"
	run 2 $c --nonsense; point "$c with an unknown option"
	run 2 $c extra more; point "$c with an argument too many"
done
run 2 stats --since tomorrow; point "stats with a bad time"
run 2 gc --max-size much; point "gc with a bad size"

run 0 stats && has '^units +0$'; point "stats without a store"
mkdir -m 700 "$KACHE_CACHE_DIR"
{
	event 1000 local_hit "" lib 5000000 0
	event 2000 miss "" bin 0 0
	event 3000 miss not_stored:raced:/x lib 0 0
	event 4000 miss "" lib 0 1
	event 5000 passthrough unknown-driver other 0 0
	event 5000 local_hit "" query 0 0
	echo rubbish
} >"$KACHE_CACHE_DIR/events.log"
run 0 stats; point "stats"
has '^units +5$'; point "units are counted without queries"
has '^  hits +1 +20.0 %$'; point "with shares"
has '^hit rate +25.0 %'; point "and a rate of what was looked up"
has '^  raced +1  nothing to do$' && has '^  unknown-driver +1  other workspace'; point "and reasons"
has '^failed compiles +1$'; point "and failed compiles"
if command -v python3 >/dev/null; then
	run 0 stats --json && json "d['outcomes'] == {'local_hit': 1, \
'prefetch_hit': 0, 'remote_hit': 0, 'dup': 0, 'miss': 3, 'passthrough': 1, \
'error': 0} and d['queries']['local_hit'] == 1 and \
d['not_stored'] == {'raced': 1} and d['bad_lines'] == 1 and \
d['passthrough'] == {'unknown-driver': 1} and d['time_us']['saved'] == 5000000"
	point "stats --json"
	run 0 stats --json --since @3 && json "d['outcomes']['miss'] == 2"
	point "stats --json --since"
fi
"$kache" stats >/dev/full 2>/dev/null
[ $? = 1 ]; point "output that does not arrive is a failure"

run 0 verify && has 'no problems'; point "verify of an empty store"
run 0 gc; point "gc of an empty store"
blob=$KACHE_CACHE_DIR/blobs/ab/ab$(printf '%062d' 0)
mkdir -p "${blob%/*}"
echo text >"$blob"
run 1 verify && has 'bad: .* 1 blobs'; point "verify finds a wrong blob"
run 0 verify --repair && [ ! -e "$blob" ]; point "verify --repair removes it"
echo text >"$blob"
run 0 gc --dry-run && [ -e "$blob" ]; point "gc --dry-run removes nothing"
run 0 gc && [ ! -e "$blob" ]; point "gc removes what nobody names"

# Whether the helpers are installed, and so the status, is not our affair.
KACHE_NOTHING=1 run 1 config && has 'KACHE_NOTHING: no such key'
point "config names problems"
has 'max_size +50G +default'; point "config shows defaults"
KACHE_STORE_MAX_SIZE=1G run any config
has 'max_size +1G +KACHE_STORE_MAX_SIZE'; point "config shows variables"
mkdir -p "$HOME/.config/kache"
printf '[store]\n\nmax_size = 2G\nmin_fee = 1\n' >"$HOME/.config/kache/kache.ini"
run 1 config
has "max_size +2G +$HOME/.config/kache/kache.ini:3"; point "config shows lines"
has "kache.ini:4: \[store\] min_fee: no such key"; point "config names mistakes"
chmod 777 "$KACHE_CACHE_DIR"
run 1 config && has 'others may write to it'; point "config names a mode"
KACHE_CACHE_DIR=/proc/none run 1 config
has '/proc/none: nothing can be stored'; point "config names a bad place"
chmod 700 "$KACHE_CACHE_DIR"
run 2 daemon dance; point "no such action of the daemon"
run 2 daemon log -n -1; point "a number of lines below 0"
run 2 drain --timeout soon; point "drain with a bad time"
run 2 monitor --interval 1ms; point "monitor with too short a time"
run 0 daemon && has '^daemon +offline$'; point "daemon says offline"
has "^socket +$KACHE_CACHE_DIR/daemon.sock$"; point "and where it would be"
run 1 daemon status --raw; point "raw status fails without one"
run 0 daemon stop && has 'not running'; point "stop without one"
run 1 daemon log --no-follow && has 'daemon.log'; point "no log"
seq 30 >"$KACHE_CACHE_DIR/daemon.log"
run 0 daemon log --no-follow -n 2 && [ "$out" = "29
30" ]; point "the end of the log"
run 0 drain && has 'nothing is left'; point "drain with nothing to do"
run 0 monitor --once; point "monitor without a daemon"
has '^daemon: offline$'; point "says that it is offline"
has '^store .* 0 entries' && has 'passthrough .* unknown-driver'
point "and shows the rest"
echo 99999999999999 30 >"$KACHE_CACHE_DIR/daemon.down"
run 0 daemon && has '^marked down '; point "a mark is shown"
rm "$KACHE_CACHE_DIR/daemon.down"
KACHE_CACHE_DIR=$work/$(printf '%0120d' 0) run 0 daemon install
units=$HOME/.config/systemd/user
[ -e "$units/kache.service" ] && [ ! -e "$units/kache.socket" ] &&
	has 'too long for systemd'; point "a socket systemd cannot have"
rm "$units/kache.service"
run 0 daemon install && grep -q "^ListenStream=$KACHE_CACHE_DIR/daemon.sock$" \
	"$units/kache.socket"; point "install writes the socket in force"
grep -q "^Environment=\"KACHE_CACHE_DIR=$KACHE_CACHE_DIR\"$" \
	"$units/kache.service"; point "and what moves the store"
has 'systemctl --user enable --now kache.socket'
point "and says what to run where systemctl fails"
run 0 daemon && has 'kache.socket installed, systemctl --user does not work'
point "status knows it"
SYSTEMCTL_SAYS=active run 0 daemon && has 'kache.socket installed, active'
point "and whether it is active"
SYSTEMCTL_SAYS=x run 0 daemon install && has '^enabled +kache.socket' &&
	grep -q -- '^--user enable --now kache.socket$' "$work/bin/calls"
point "install enables it"
run 0 daemon uninstall && [ -z "$(ls "$units")" ]; point "uninstall"
run 0 daemon uninstall && has 'not installed'; point "twice"
if [ -x "$PWD/kached" ]; then
	run 0 daemon start && has '^started: pid'; point "start"
	run 0 daemon start && has '^runs already'; point "start again"
	run 0 daemon && has '^daemon +running'; point "status"
	has '^state +running, pid [0-9]+'; point "with what it reports"
	run 0 monitor --once && has '^daemon: running$'; point "monitor"
	run 0 daemon status --raw && has '^uptime_s=[0-9]'; point "raw status"
	run 0 daemon restart && has '^started: pid'; point "restart"
	run 0 daemon stop && has '^stopped; 0 uploads'; point "stop"
	run 0 daemon && has '^daemon +offline$'; point "and it is gone"
fi
KACHE_DISABLED=1 run any config && has 'KACHE_DISABLED is set'
point "config says that kache is disabled"
echo "1..$n"
exit $bad
