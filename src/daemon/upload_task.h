/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_UPLOAD_TASK_H
#define DAEMON_UPLOAD_TASK_H

#include <stdbool.h>
#include <stdint.h>

struct digest;
struct services;
struct upload_task;

/* One upload, as a background job: reads the intent, the entry and the
 * manifest, packs them, uploads the pack, then makes the remote's manifest name
 * it (LAYOUT, "Two writers"). The intent stays until all of that is done. */
enum upload_task_end {
	UPLOAD_TASK_DONE,
	UPLOAD_TASK_EXISTED, /* somebody had put the pack already */
	UPLOAD_TASK_GONE,    /* there is nothing to upload any more */
	UPLOAD_TASK_NEWER,   /* a later version is to do it */
	UPLOAD_TASK_BURIED,  /* can never be uploaded */
	UPLOAD_TASK_FAILED,  /* this one failed; another time */
	/* The remote does not work, or this machine is full: all wait. */
	UPLOAD_TASK_REMOTE,
	UPLOAD_TASK_CANCELLED
};

/* Called once, on a worker or the thread that dropped the job; U is gone
 * afterwards. */
typedef void upload_task_done(void *ctx, struct upload_task *u,
			      const struct digest *at,
			      enum upload_task_end end);

/* LAST: this is its last attempt. 0 and *OUT, valid until DONE is called
 * (perhaps before this returns); ERR_BUSY: the lane is full; ERR_MISS: no
 * remote; -ENOMEM; -ECANCELED. */
int upload_task_start(struct services *h, const struct digest *at, int last,
		      upload_task_done *done, void *ctx,
		      struct upload_task **out);

/* The caller must know that DONE was not called yet, and hold what ensures
 * that. upload_task_wake returns when to call it next (monotonic ns); 0: no
 * need. */
int64_t upload_task_wake(struct upload_task *u, int64_t now);
bool upload_task_pauses(const struct upload_task *u);
void upload_task_cancel(struct upload_task *u);

#endif
