/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/advice.h"

#include <stddef.h>
#include <string.h>

#define NOTHING "nothing to do"
#define ALLOW "[inputs] allow in kache.ini, if you can answer for it"
#define UNUSUAL "not how cargo calls rustc; look at what calls it"
#define STORE_LOOK "kache config says what is wrong with the store"

static const struct advice rows[] = {
	/* Command lines: units that are passed through. */
	{ "argument-file", "an @file of arguments could not be read", UNUSUAL },
	{ "crate-type", "this crate type is not known", UNUSUAL },
	{ "cwd", "the current directory has a name that is no text",
	  "build in a directory with a plain name" },
	{ "emit", "an output of this kind is not cached", UNUSUAL },
	{ "emit-path", "an output is sent to a path of its own", UNUSUAL },
	{ "env:RUSTC_LOG", "RUSTC_LOG makes the compiler print a log",
	  "unset RUSTC_LOG" },
	{ "env:SYSROOT", "SYSROOT gives clippy another standard library",
	  "unset SYSROOT" },
	{ "no-artifact-messages", "rustc does not announce its outputs",
	  UNUSUAL },
	{ "no-dep-info", "no dependency file was asked for", UNUSUAL },
	{ "no-out-dir", "no directory for the outputs is named", UNUSUAL },
	{ "not-a-unit", "the command line names no crate", NOTHING },
	{ "not-utf8", "an argument is no text", "plain names of directories" },
	{ "nothing-to-make", "no output was asked for", NOTHING },
	{ "option", "this option is not understood well enough to cache",
	  "leave it out of RUSTFLAGS where it is not needed" },
	{ "option-without-value", "an option lacks its value", UNUSUAL },
	{ "split-debuginfo", "the split debug info could not be taken",
	  "split-debuginfo = \"off\" in the profile" },
	{ "stdin-source", "the source comes from standard input", NOTHING },
	{ "twice", "an option that may stand once is there twice",
	  "look at RUSTFLAGS and [build] rustflags" },
	{ "two-operands", "there are two sources", UNUSUAL },
	{ "unknown-driver", "the compiler is neither rustc nor clippy-driver",
	  "other workspace wrappers are run as they are" },

	/* The machine. */
	{ "memory", "there was no memory", "fewer jobs (cargo -j)" },
	{ "no-observer", "the observer is not installed",
	  "make install; kache config names the file" },
	{ "observer-broken", "the compiler did not start with the observer",
	  "shim.log says more; please report it" },
	{ "not-started", "the compiler could not be started",
	  "look at what cargo says" },
	{ "lost-output", "what it says could not be passed on",
	  "room where its output goes; it was run again, without us" },
	{ "file-size-limit", "the size of files is limited (ulimit -f)",
	  "no limit below 32 MiB, for build scripts below 256 MiB" },
	{ "toolchain", "the toolchain could not be read or identified",
	  "with rustup: a toolchain that is installed whole" },
	{ "blob", "an output could not be put into the store", STORE_LOOK },
	{ "entry", "the result could not be put into the store", STORE_LOOK },
	{ "manifest", "what it read could not be noted in the store",
	  STORE_LOOK },
	{ "min_free", "the disk is nearly full ([store] min_free)",
	  "make room, or kache gc" },
	{ "clock-stepped", "the clock was set meanwhile", NOTHING },
	{ "exit", "it failed", NOTHING },

	/* What a compile or a script did. */
	{ "dep-info", "the dependency file could not be read", UNUSUAL },
	{ "edit-loop",
	  "it was stored less than 10 minutes ago; the edit loop\n"
	  "    is not to pay for copies",
	  NOTHING },
	{ "extern", "a dependency could not be read", NOTHING },
	{ "input", "an input could not be read again", NOTHING },
	{ "declared", "what [inputs] allow names changed meanwhile", NOTHING },
	{ "env", "the environment holds a name that is no text",
	  "unset that variable" },
	{ "no-trace", "what the observer noted could not be read",
	  "room in /dev/shm or in the store" },
	{ "output", "an output is not where it was announced", UNUSUAL },
	{ "names", "a name that kache gave a directory was opened",
	  "nothing to do: the next compile uses the real names" },
	{ "outputs-not-announced", "rustc announced no output", UNUSUAL },
	{ "path", "a path cannot be recorded: no text, or too long",
	  "plain names of files" },
	{ "raced", "an input changed meanwhile", NOTHING },
	{ "raced-tick", "an input was written just before it was read",
	  NOTHING },
	{ "reads",
	  "it reads what differs from one moment or machine to the next",
	  ALLOW },
	{ "asks", "it asks a file what cannot be kept in a key", ALLOW },
	{ "xattr", "it reads extended attributes of a file", ALLOW },
	{ "file-system", "it asks a file system for its size or kind", ALLOW },
	{ "lists", "it lists what differs from one moment to the next", ALLOW },
	{ "starts", "it starts a program whose answer differs each time",
	  "with clippy: without lints of the group clippy::cargo" },
	{ "special", "it reads what is no regular file", ALLOW },
	{ "out-dir", "it removed OUT_DIR, or gave it another mode",
	  "leave OUT_DIR itself as it is" },
	{ "removed", "it removes or moves what it did not make",
	  "work on copies in OUT_DIR" },
	{ "wrote", "it writes outside OUT_DIR, which a replay would not do",
	  "write into OUT_DIR" },
	{ "network", "it uses the network",
	  "a copy in the source, or a variable that names one" },
	{ "too-many-inputs", "it has more than 20,000 inputs",
	  "read fewer files" },
	{ "too-much-output", "it says more than is kept", "say less" },
	{ "unseen-source", "rustc read a source that was not observed",
	  "please report it" },
	{ "unseen", "part of it cannot be observed", ALLOW },
	{ "unseen:static", "a program in it is static: libc is not its own",
	  "a dynamic build of that program, or [inputs] allow" },
	{ "unseen:go", "a program in it is written in Go, without libc",
	  ALLOW },
	{ "unseen:foreign", "a program in it is for another system or libc",
	  ALLOW },
	{ "unseen:foreign-libc", "a program in it uses another libc", ALLOW },
	{ "unseen:foreign-class", "a program in it is for another CPU", ALLOW },
	{ "unseen:setuid", "a program in it runs as another user",
	  "do without sudo and the like" },
	{ "unseen:raw-syscall",
	  "a program or macro in it calls the kernel by itself",
	  "[shim] observe = strict" },
	{ "unseen:raw-call", "a program in it calls the kernel by itself",
	  "[shim] observe = strict" },
	{ "unseen:sanitizer", "a program in it is built with a sanitizer",
	  "a build of it without" },
	{ "unseen:still-running", "a process that it started still runs",
	  "wait for it, or end it" },

	/* Runs of build scripts only. */
	{ "not-by-cargo", "cargo did not start the script", NOTHING },
	{ "program", "the script's program could not be read", NOTHING },
	{ "build_scripts", "runs are not cached ([shim] build_scripts = no)",
	  "[shim] build_scripts = yes" },
	{ "archive", "OUT_DIR could not be put into the store", STORE_LOOK },
	{ "archive:refused",
	  "OUT_DIR holds what could not be put back: a socket, a FIFO, a\n"
	  "    set-uid file, a directory without rights, a name that is no "
	  "text",
	  "remove that file at the end of the script" },
	{ "clock", "it looks at the clock, so each run may give another result",
	  "SOURCE_DATE_EPOCH or a file with the date, or [inputs] allow" },
	{ "own-out-dir", "it looks at what an earlier run left in OUT_DIR",
	  "make everything anew" },
	{ "links-out", "it links from OUT_DIR to what lies elsewhere",
	  "copy instead" },
	{ "output-not-text", "what it says is no text", "say text" },
	{ "secret", "what it says holds the value of a secret variable",
	  "do not print it" },

	/* Stored, and not uploaded. */
	{ "private", "it read a variable that looks like a secret",
	  "build without that variable where uploads are made" },
	{ "bound", "its result names a path of this machine",
	  "[store] portable = yes, or [remote main] upload_bound = yes" },
	{ "too-many-outputs", "it has more outputs than a remote takes",
	  "split-debuginfo = \"off\" in the profile" },
	{ "foreign-path", "it read files that no other machine would look at",
	  NOTHING },
};

/* Whether ROW stands at the start of REASON, as whole words. */
static size_t
fits(const char *row, const char *reason)
{
	size_t n = strlen(row);

	return !strncmp(row, reason, n) && (!reason[n] || reason[n] == ':') ? n
									    : 0;
}

const struct advice *
advice_for(const char *reason)
{
	const struct advice *best = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = fits(rows[i].reason, reason);

		if (n > longest) {
			longest = n;
			best = &rows[i];
		}
	}
	return best;
}
