/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_START_H
#define OBSERVE_START_H

/* The first and the last record of a program: which one it is, what the loader
 * has mapped, and that it ended. Our constructor is here. */

/* Records objects that were loaded since the start; takes the loader's lock. */
void start_objects(void);

#endif
