/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_PIPELINE_H
#define SHIM_PIPELINE_H

struct invocation;

/*
 * The work from its name to its end, whatever its kind (shim/kind): looked up,
 * asked for at the remote, waited for, or compiled under the observer and
 * stored.  DESIGN has the picture.  Threads: one.
 */
enum ending_how {
	ENDING_SERVED, /* all is said and in place: exit 0 */
	ENDING_RAN,    /* end as the child did, whose STATUS is as wait(2)'s */
	ENDING_PASS    /* run the untouched command line in our place */
};

struct ending {
	enum ending_how how;
	/* The event: its outcome, its reason or NULL. */
	const char *outcome;
	const char *reason;
	int status;
};

/* Does the work of J, whose kind is known and whose store is open.  The
 * caller writes the event and ends the process. */
struct ending pipeline_run(struct invocation *j);

#endif
