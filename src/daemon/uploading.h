/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_UPLOADING_H
#define DAEMON_UPLOADING_H

#include <stdbool.h>
#include <stdint.h>

struct digest;
struct hub;
struct uploading;

/*
 * One upload, as a background job: reads intent, entry and manifest, packs,
 * puts the pack, then makes the remote's manifest name it (LAYOUT, "Two
 * writers").  The intent stays until all of that is done.
 */
enum uploading_end {
	UPLOADING_DONE,
	UPLOADING_EXISTED, /* somebody had put the pack already */
	UPLOADING_GONE,    /* there is nothing to upload any more */
	UPLOADING_NEWER,   /* a later version is to do it */
	UPLOADING_BURIED,  /* can never be uploaded */
	UPLOADING_FAILED,  /* this one failed; another time */
	UPLOADING_REMOTE,  /* the remote is not as it should be, or this
			    * machine is full: all wait */
	UPLOADING_CANCELLED
};

/* Called once, on a worker or the thread that dropped the job; U is gone
 * afterwards. */
typedef void uploading_done(void *ctx, struct uploading *u,
			    const struct digest *at, enum uploading_end end);

/* LAST: a failure of its own now buries it.  0 and *OUT, valid until DONE is
 * called (perhaps before this returns); ERR_BUSY: the lane is full; ERR_MISS:
 * no remote; -ENOMEM; -ECANCELED. */
int uploading_start(struct hub *h, const struct digest *at, int last,
		    uploading_done *done, void *ctx, struct uploading **out);

/* The caller knows that DONE was not called yet and holds what keeps it so.
 * uploading_wake gives when to call it next (monotonic ns), 0: no need. */
int64_t uploading_wake(struct uploading *u, int64_t now);
bool uploading_pauses(const struct uploading *u);
void uploading_cancel(struct uploading *u);

#endif
