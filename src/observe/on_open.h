/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBSERVE_ON_OPEN_H
#define OBSERVE_ON_OPEN_H

/* Records an open of `name` with these flags that answered `fd`. */
void on_opened(int dirfd, const char *name, int flags, int fd);

#endif
