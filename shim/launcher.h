/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_LAUNCHER_H
#define SHIM_LAUNCHER_H

struct invocation;

/*
 * Launchers.  cargo runs a build script's program; so that its runs can be
 * looked up, a small static program lies in its place, and the real one
 * beside it with LAUNCHER_SUFFIX (shim/exec_dir: by which name it is executed).
 * The launcher (shim/launcher_main.c) starts
 * `$RUSTC_WRAPPER <real program> <its own argv[0]>` if that wrapper is called
 * kache-shim, and the real program in every other case, so target/ stays of
 * use to plain cargo, editors and other wrappers.  At its end it carries
 * LAUNCHER_TRAIL bytes: LAUNCHER_MAGIC, the real program's name in the same
 * directory, NUL, its absolute path, NULs.
 */
#define LAUNCHER_SUFFIX ".kache-real"
#define LAUNCHER_MAGIC "kache-launch-1\n"
enum { LAUNCHER_TRAIL = 8192, LAUNCHER_MAX = 4 << 20 };

/* After the unit J left its outputs in --out-dir: if it is a build script,
 * puts a launcher in its place.  What goes wrong is logged: the program then
 * stays where it is.  Threads: one. */
void launcher_install(struct invocation *j);

#endif
