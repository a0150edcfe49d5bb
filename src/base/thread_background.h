/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_THREAD_BACKGROUND_H
#define BASE_THREAD_BACKGROUND_H

/* The calling thread works on what nobody waits for: nice 19 and the idle
 * class of input and output, for good, since only root can take a nice value
 * back.  Where that is not allowed the work is only less polite. */
void thread_background(void);

#endif
