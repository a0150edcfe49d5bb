/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_LAUNCHER_H
#define SHIM_LAUNCHER_H

struct invocation;

/*
 * Launchers. So that the runs of a build script can be looked up, a small
 * static program takes the place of the script's program; the real one lies
 * beside it with LAUNCHER_SUFFIX (shim/exec_dir tells under which name it is
 * executed). The launcher (shim/launcher_main.c) starts `$RUSTC_WRAPPER <real
 * program> <its own argv[0]>` if that wrapper is called kache-shim, and
 * otherwise the real program, so target/ stays usable for plain cargo, editors
 * and other wrappers. It ends with LAUNCHER_TRAIL bytes: LAUNCHER_MAGIC, the
 * real program's name in the same directory, NUL, its absolute path, NULs.
 */
#define LAUNCHER_SUFFIX ".kache-real"
#define LAUNCHER_MAGIC "kache-launch-1\n"
enum { LAUNCHER_TRAIL = 8192, LAUNCHER_MAX = 4 << 20 };

/* If the unit J is a build script whose outputs are in --out-dir, puts a
 * launcher in place of its program. A failure is logged and leaves the program
 * as it is. Threads: one. */
void launcher_install(struct invocation *j);

#endif
