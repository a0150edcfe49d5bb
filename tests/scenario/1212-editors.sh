#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An editor checks beside the terminal, in the same and in another target
# directory: it costs no compile, and each warning is there once.
. "$(dirname "$0")/../lib.sh"

if [ "$WRAPPER" = none ]; then
	skip "editors" "needs a wrapper"
	done_testing
fi

make_ws() { # DIR
	put "$1/Cargo.toml" '[workspace]
members = ["leaf", "mac", "app"]
resolver = "2"'
	package "$1/leaf" leaf
	put "$1/leaf/src/lib.rs" 'pub fn leaf() -> u8 { let unused = 1; 7 }
#[deprecated] pub fn old() {}
#[test] fn t() { let in_a_test = 2; }'
	package "$1/mac" mac '[lib]
proc-macro = true'
	put "$1/mac/src/lib.rs" '#[proc_macro]
pub fn one(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
	let mut loud = "1u8"; loud.parse().unwrap()
}'
	package "$1/app" app '[dependencies]
leaf = { path = "../leaf" }
mac = { path = "../mac" }'
	put "$1/app/build.rs" 'fn main() {
	let never_read = 1;
	println!("cargo:rustc-env=SAID=script")
}'
	put "$1/app/src/main.rs" 'fn main() {
	leaf::old();
	let mut v = leaf::leaf() + mac::one!();
	println!("{v} {}", env!("SAID"))
}'
	put "$1/app/tests/it.rs" '#[test] fn it() { leaf::old() }'
}
w=$T/w
make_ws "$w"
editor="check --workspace --all-targets --keep-going --message-format"
ansi="$editor=json-diagnostic-rendered-ansi"

# Order and who is called a duplicate are chance.
said() { # FILE
	grep -vE '^ *(.\[[0-9;]*m)* *(Compiling|Checking|Finished|Fresh|Fixed|Dirty|Running|Blocking)' \
		"$1" | sed -E 's/"fresh":[a-z]*/F/; s/ \((run|[0-9]+ dup).*//' |
		sort
}
compare() { # DESCRIPTION: like plain cargo
	said "$T/out.plain" >"$T/a"
	said "$T/out" >"$T/b"
	check "$1" diff "$T/a" "$T/b"
}

# The terminal first; then the editor in its own directory, and in the same.
# cargo itself replays what it had: it is asked the same in the same order.
rm -rf "$w"/target*
plain "$w" check --all-targets
cp "$T/out.plain" "$T/terminal.plain"
plain "$w" $ansi --target-dir target/editor
cp "$T/out.plain" "$T/editor.plain"
plain "$w" $ansi
cp "$T/out.plain" "$T/same.plain"
rm -rf "$w/target"
mark
kcargo "$w" check --all-targets
cp "$T/terminal.plain" "$T/out.plain"
compare "the terminal's check"
first=$(rustc_runs)
isnt "$first" 0 "which compiles"
mark
kcargo "$w" $ansi --target-dir target/editor
cp "$T/editor.plain" "$T/out.plain"
compare "the editor's, in a directory of its own"
served "none of it is compiled again"
mark
kcargo "$w" $ansi
cp "$T/same.plain" "$T/out.plain"
compare "the editor's, in the same directory"
is "$(hits) $(rustc_runs)" "0 0" "which asks nobody"
kcargo "$w" check --all-targets
cp "$T/terminal.plain" "$T/out.plain"
compare "the terminal's again"

# Every form after every other, each time in an empty directory.
for how in "$editor=json" "$ansi" "check --all-targets --color=always" \
	"check --all-targets --color=never -v" \
	"$editor=json-render-diagnostics"; do
	rm -rf "$w"/target*
	plain "$w" $how
	rm -rf "$w"/target*
	mark
	kcargo "$w" $how
	grep -v '`' "$T/out" >"$T/o" && mv "$T/o" "$T/out"
	grep -v '`' "$T/out.plain" >"$T/o" && mv "$T/o" "$T/out.plain"
	compare "${how#check }"
	served "${how#check }: the form costs no compile"
done
# The short form is another text: who has nothing to say serves it, too.
put "$w/leaf/src/lib.rs" 'pub fn leaf() -> u8 { 7 } pub fn old() {}'
rm -rf "$w/target"
kcargo "$w" check
rm -rf "$w/target"
mark
kcargo "$w" check --message-format=short
is "$(runs_of leaf) $(runs_of app)" "0 1" \
	"another text costs a compile where there is one"
rm -rf "$w/target"
mark
kcargo "$w" check --message-format=short
served "and once only"
make_ws "$w"

# A terminal of another width.
if command -v script >/dev/null; then
	wide() { # COLUMNS: as a terminal sees it
		rm -rf "$w/target"
		mark
		(cd "$w" && CARGO_TERM_COLOR=always RUSTC_WRAPPER=$WRAPPER \
			script -qec "stty cols $1; cargo check" /dev/null) \
			>"$T/out" 2>&1 </dev/null
		warnings=$(grep -c 'unused variable\|does not need to be mut' \
			"$T/out")
	}
	wide 200
	had=$warnings
	isnt "$had" 0 "a terminal shows warnings"
	wide 70
	served "a narrower one costs no compile"
	is "$warnings" "$had" "and shows each once"
else
	cannot "a terminal's width" "no script(1)"
fi

# cargo fix calls the compiler itself, and builds the rest through us.
make_ws "$T/p"
make_ws "$T/k"
plain "$T/p" fix --allow-no-vcs --workspace --all-targets -q
mark
kcargo "$T/k" fix --allow-no-vcs --workspace --all-targets -q
is $? 0 "cargo fix"
is "$(reasons)" "" "meets nothing that we do not know"
rm -rf "$T"/{p,k}/target
check "makes what plain cargo makes of the sources" diff -r "$T/p" "$T/k"
check "which is something else than before" \
	grep -q 'let v = leaf' "$T/k/app/src/main.rs"
plain "$T/p" check
kcargo "$T/k" check
sed -i "s,$T/k,$T/p," "$T/out"
compare "a check of what was fixed"

# An editor that is the wrapper itself for build scripts: it skips what only
# checks. Afterwards, and before, the same directory serves us.
put "$T/bin/editor" '#!/bin/sh
case " $* " in
*" --crate-name ___ "* | *" -vV "*) ;;
*build.rs* | *" proc-macro "*) ;;
*"emit=dep-info,metadata "*) exit 0 ;;
esac
exec "$@"'
chmod +x "$T/bin/editor"
rm -rf "$w/target"
kcargo "$w" check
(cd "$w" && RUSTC_WRAPPER=$T/bin/editor cargo check --workspace \
	--all-targets --keep-going --message-format=json) >"$T/out.editor" 2>&1
is $? 0 "an editor as the wrapper, in a directory of ours"
like "$(cat "$T/out.editor")" '"SAID","script"' "learns what scripts say"
rm -rf "$w/target"
(cd "$w" && RUSTC_WRAPPER=$T/bin/editor cargo check --workspace \
	--all-targets --keep-going --message-format=json) >"$T/out.editor" 2>&1
kcargo "$w" check --all-targets
cp "$T/terminal.plain" "$T/out.plain"
compare "a check behind it"
kcargo "$w" run -q
like "$(cat "$T/out")" '^8 script$' "a build behind it"

done_testing
