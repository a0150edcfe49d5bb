/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "daemon/parts.h"

#include "daemon/fetch.h"
#include "daemon/prefetch.h"
#include "daemon/requests.h"
#include "daemon/services.h"
#include "daemon/sessions.h"
#include "daemon/sweeper.h"
#include "daemon/upload_queue.h"
#include "work/flight.h"

static const struct fetch_ops fetch_tells = { prefetch_expect, requests_size,
					      prefetch_ended };
static const struct sessions_ops sessions_tell = { prefetch_begin,
						   prefetch_hinted,
						   prefetch_end };

int
parts_open(struct services *h, const struct config *c)
{
	int r = services_init(h, c);

	r = r ? r : fetch_open(h, &fetch_tells);
	r = r ? r : prefetch_open(h);
	r = r ? r : sessions_open(h, &sessions_tell);
	r = r ? r : sweeper_open(h);
	return r ? r : upload_queue_open(h);
}

void
parts_close(struct services *h)
{
	sweeper_close(h->sweeper);
	services_stop(h);
	upload_queue_close(h->uploads);
	sessions_close(h->builds);
	prefetch_close(h->prefetches);
	flight_free(h->units);
	flight_free(h->packs);
	services_release(h);
}
