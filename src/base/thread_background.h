/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_THREAD_BACKGROUND_H
#define BASE_THREAD_BACKGROUND_H

/* Puts the calling thread into the background for good: nice 19 and the idle
 * I/O class, since only root can lower a nice value again.  Failures are
 * ignored: the work is then only less polite. */
void thread_background(void);

#endif
