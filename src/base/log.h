/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/*
 * Log lines to a file, never to stderr: cargo caches and replays what a
 * wrapper prints there.  One write a line, O_APPEND, bytes below 0x20
 * escaped.  The file is opened by the first line that passes the level.
 * Whoever turns an error into an action logs it, once.  Threads: any.
 */
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* PATH is borrowed and must stay valid; NULL switches logging off. */
void log_open(const char *path, enum log_level level);
void log_msg(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
