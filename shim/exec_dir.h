/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_EXEC_DIR_H
#define SHIM_EXEC_DIR_H

#include <stddef.h>

/*
 * The name under which a build script's program is executed. A script may ask
 * for its own name (current_exe), so it must get the one cargo chose, which now
 * belongs to the launcher. The real program, D/B/FILE.kache-real, therefore
 * gets a second name D/.kache-B/NAME, as many levels below the target directory
 * as cargo's own. The name is created when needed, and again if it leads to
 * another file, so copying, moving or cleaning target/ breaks nothing.
 *
 * Writes the name to the ROOM bytes at OUT; REAL itself if it cannot be
 * created. Shared with the launcher: libc only. Threads: any, of any process.
 */
void exec_dir_program(const char *real, const char *name, char *out,
		      size_t room);

/* The part of PATH behind the last slash. */
const char *exec_dir_base(const char *path);

#endif
