/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_CALLER_SCAN_H
#define OBSERVE_CALLER_SCAN_H

/*
 * Guests are objects that a program loads by dlopen, as rustc loads macros.
 * They share the program's libraries, so what a macro asks through libstd looks
 * like what rustc asks. Only the stack tells them apart: a guest that calls has
 * a return address near its top.
 */

/* Announces that a library is about to be loaded: what the loader adds from now
 * on is a guest. Call it before the loader. */
void caller_scan_announce(void);

/*
 * 1 if a guest had a part in the call that is being observed.  0 is certain;
 * 1 may be left on the stack by an earlier call.  Reads the caller's stack;
 * cheap where there are no guests.
 */
int caller_scan_calls(void);

#endif
