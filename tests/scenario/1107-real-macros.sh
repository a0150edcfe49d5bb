#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Macros that read files, and scripts that stamp programs, of crates that many
# use: each hidden input alone gives what plain cargo gives.
# (The crates come from the registry, through cargo, into this test's home.)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../runs.sh"
. "$(dirname "$0")/../real.sh"

reached() { # whether there is a registry
	package "$T/reached" user '[dependencies]
cfg-if = "1"'
	put "$T/reached/src/main.rs" 'fn main() {}'
	fetched "$T/reached"
}
if ! reached; then
	cannot "crates of the registry" "cargo cannot fetch them: $(tail -1 "$T/out")"
	done_testing
fi

# --- macros that read files ---

a=$T/macros
package "$a" user '[dependencies]
include_dir = { version = "0.7", features = ["glob"] }
askama = { version = "0.12", default-features = false, features = ["config"] }
rust-embed = { version = "8", default-features = false, features = ["debug-embed"] }
diesel_migrations = { version = "2", default-features = false }
'"$profile"
put "$a/src/main.rs" <<'RS'
use askama::Template;
use diesel_migrations::EmbeddedMigrations;
static DIR: include_dir::Dir = include_dir::include_dir!("$CARGO_MANIFEST_DIR/data");
#[derive(Template)]
#[template(path = "page.txt")]
struct Page { name: u8 }
#[derive(rust_embed::Embed)]
#[folder = "assets"]
struct Assets;
const M: EmbeddedMigrations = diesel_migrations::embed_migrations!("migrations");
fn main() {
	let mut v: Vec<_> = DIR.find("**/*").unwrap().map(|e| format!("{:?}",
		e.path())).collect();
	v.sort();
	println!("{v:?} {:?}", DIR.get_file("a").unwrap().contents_utf8());
	println!("{}", Page { name: 1 }.render().unwrap());
	for f in Assets::iter() {
		println!("{f} {:?}", Assets::get(&f).unwrap().data);
	}
	std::hint::black_box(&M);
	// What the macro took into the program.
	let me = String::from_utf8_lossy(&std::fs::read(
		std::env::current_exe().unwrap()).unwrap()).into_owned();
	let sql = me.split("CREATE TABLE m").skip(1)
		.map(|s| s.split(';').next().unwrap());
	println!("{:?}", sql.collect::<std::collections::BTreeSet<_>>());
}
RS
put "$a/data/a" data1
put "$a/templates/page.txt" '{% extends "base.txt" %}{% block b %}page {{ name }}{% endblock %}'
put "$a/templates/base.txt" 'base1 {% block b %}{% endblock %}'
put "$a/assets/x" asset1
put "$a/migrations/2020-01-01-000000_one/up.sql" 'CREATE TABLE m_one (x INT);'
put "$a/migrations/2020-01-01-000000_one/down.sql" 'DROP TABLE m_one;'
if ! fetched "$a"; then
	not_ok "macros: fetched" "$(cat "$T/out")"
elif begun "$a" proc-macro2; then
	real "include_dir: a file" "$a" - 'echo data2 >data/a' 'echo data1 >data/a'
	real "include_dir: a new file" "$a" - 'mkdir -p data/d; echo x >data/d/e' \
		'rm -r data/d'
	real "askama: a base template" "$a" - \
		'sub templates/base.txt base1 base2' \
		'sub templates/base.txt base2 base1'
	real "askama: its configuration appears" "$a" - \
		'mkdir -p other; cp templates/* other; sed -i s/base1/base3/ other/base.txt; printf "[general]\ndirs = [\"other\"]\n" >askama.toml' \
		'rm -r other askama.toml'
	real "rust-embed: an asset" "$a" - 'echo asset2 >assets/x' \
		'echo asset1 >assets/x'
	real "rust-embed: a new asset" "$a" - 'echo n >assets/n' 'rm assets/n'
	real "diesel: a migration changes" "$a" - \
		'sub migrations/2020-01-01-000000_one/up.sql INT TEXT' \
		'sub migrations/2020-01-01-000000_one/up.sql TEXT INT'
	real "diesel: a new migration" "$a" - \
		'cp -r migrations/2020-01-01-000000_one migrations/2020-01-02-000000_two; sub migrations/2020-01-02-000000_two/up.sql m_one m_two' \
		'rm -r migrations/2020-01-02-000000_two'
fi

# --- stamps: git and the environment ---

a=$T/stamps
package "$a" user '[build-dependencies]
vergen = { version = "8", default-features = false, features = ["git", "gitcl"] }
built = "0.7"
'"$profile"
put "$a/build.rs" <<'RS'
fn main() {
	vergen::EmitBuilder::builder().git_sha(false).git_branch()
		.git_describe(true, true, None).emit().unwrap();
	built::write_built_file().unwrap();
}
RS
put "$a/src/main.rs" <<'RS'
mod built { #![allow(dead_code)] include!(concat!(env!("OUT_DIR"), "/built.rs")); }
fn main() {
	println!("{} {} {} {:?} {}", env!("VERGEN_GIT_SHA"),
		env!("VERGEN_GIT_BRANCH"), env!("VERGEN_GIT_DESCRIBE"),
		built::CI_PLATFORM, built::PROFILE);
}
RS
if ! fetched "$a"; then
	not_ok "stamps: fetched" "$(cat "$T/out")"
else
	put "$a/.gitignore" target
	(cd "$a" && git init -q -b main . && git add . &&
		git commit -qm one && git tag -am t v1 && git tag v0 &&
		git tag -d v0) >/dev/null
	# (A checkout's index holds the times of its files.)
	if third=- begun "$a" user; then
		real "vergen: a commit" "$a" user \
			'git commit -q --allow-empty -m two' \
			'git reset -q --hard HEAD^'
		real "vergen: a branch" "$a" user \
			'git checkout -q -b other' \
			'git checkout -q main && git branch -q -D other'
		real "vergen: a tag" "$a" user \
			'git tag -am t v2' 'git tag -d v2 >/dev/null'
		real "built: a variable of a CI" "$a" user \
			'export GITLAB_CI=1' 'unset GITLAB_CI'
	fi
fi

# --- proc-macro-crate ---

a=$T/names
mkdir -p "$a"
put "$a/Cargo.toml" '[workspace]
members = ["pm", "lib-one", "user"]
resolver = "2"
'"$profile"
package "$a/pm" pm '[lib]
proc-macro = true
[dependencies]
proc-macro-crate = "3"'
put "$a/pm/src/lib.rs" <<'RS'
use proc_macro::TokenStream;
use proc_macro_crate::{crate_name, FoundCrate};
#[proc_macro]
pub fn name(_: TokenStream) -> TokenStream {
	let n = match crate_name("lib-one") {
		Ok(FoundCrate::Name(n)) => n,
		other => format!("{other:?}"),
	};
	format!("{n:?}").parse().unwrap()
}
RS
package "$a/lib-one" lib-one
put "$a/lib-one/src/lib.rs" ''
package "$a/user" user '[dependencies]
pm = { path = "../pm" }
lib-one = { path = "../lib-one" }'
put "$a/user/src/main.rs" 'fn main() { println!("{}", pm::name!()) }'
if ! fetched "$a"; then
	not_ok "names: fetched" "$(cat "$T/out")"
elif begun "$a"; then
	real "proc-macro-crate: a dependency is renamed" "$a" - \
		'sub user/Cargo.toml "lib-one = {" "renamed = { package = \"lib-one\","' \
		'sub user/Cargo.toml "renamed = { package = \"lib-one\"," "lib-one = {"'
fi

done_testing
