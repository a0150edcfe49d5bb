/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_EXEC_DIR_H
#define SHIM_EXEC_DIR_H

#include <stddef.h>

/*
 * Where the program of a build script is executed.  It may ask for its own
 * name (current_exe), so it needs the one that cargo gave it, which the
 * launcher has: REAL, D/B/FILE.kache-real, gets a second name
 * D/.kache-B/NAME, as many steps below the target directory as cargo's own.
 * The name is made when it is needed, and made anew when it is another file's,
 * so whoever copies, moves or cleans target/ breaks nothing.
 *
 * Puts it into the ROOM bytes at OUT; REAL itself where it cannot be made.
 * Shared with the launcher: libc only.  Threads: any, of any process.
 */
void exec_dir_program(const char *real, const char *name, char *out,
		      size_t room);

/* The part of PATH behind the last slash. */
const char *exec_dir_base(const char *path);

#endif
