#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A daemon that misbehaves in one way (src/wire/PROTOCOL).

usage: fake-daemon.py SOCKET LOG WAY [UID]

WAY says how it answers; LOG gets a line for each connection and message, for
SESSION and PREFETCH_HINT with all of their fields. With UID it listens as that user (root only). Says "ready" when it listens.
"""
import os
import socket
import struct
import sys
import threading

HELLO, CHECK, ACCEPTED, BUSY, NONE = 1, 2, 3, 4, 5
NOT_FOUND, LATE, STORED, SESSION, HINT = 7, 8, 11, 12, 13
VERSION = 1

# What follows a CHECK; HELLO comes first in all of these.
AFTER_CHECK = {
    "silent": [],
    "accepts": [ACCEPTED],
    "busy": [BUSY],
    "none": [NONE],
    "late": [ACCEPTED, LATE],
    "misses": [ACCEPTED, NOT_FOUND],
    "confused": [NOT_FOUND, ACCEPTED],
}
GARBAGE = {
    "garbage": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "huge": struct.pack("<I", 0xffffffff) + b"x" * 64,
    "empty": struct.pack("<I", 0),
}


def frame(body):
    return struct.pack("<I", len(body)) + body


def message(kind):
    return frame(bytes([0x91, kind]))


def hello(version):
    return frame(bytes([0x93, HELLO, version, 0xc4, 1]) + b"9")


def note(log, text):
    with open(log, "a") as f:
        f.write(text + "\n")


def unpack(b, at=0):
    """One value of the msgpack that our ends write, and where it ends."""
    t = b[at]
    if t < 0x80:
        return t, at + 1
    if t >> 4 == 9 or t in (0xdc, 0xdd):
        size = {0xdc: 2, 0xdd: 4}.get(t, 0)
        n = int.from_bytes(b[at + 1:at + 1 + size], "big") if size else t & 15
        at += 1 + size
        values = []
        for _ in range(n):
            v, at = unpack(b, at)
            values.append(v)
        return values, at
    if t in (0xcc, 0xcd, 0xce, 0xcf):
        end = at + 1 + (1 << t - 0xcc)
        return int.from_bytes(b[at + 1:end], "big"), end
    if t >> 5 == 5:
        size, n = 0, t & 31
    else:
        size = {0xc4: 1, 0xc5: 2, 0xc6: 4, 0xd9: 1, 0xda: 2, 0xdb: 4}[t]
        n = int.from_bytes(b[at + 1:at + 1 + size], "big")
    at += 1 + size
    return b[at:at + n], at + n


def text(v):
    if isinstance(v, list):
        return ",".join(text(i) for i in v)
    if isinstance(v, int):
        return str(v)
    return v.hex() if len(v) == 32 and v[:1] != b"/" else v.decode()


def receive(conn):
    head = conn.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        return None
    return conn.recv(struct.unpack("<I", head)[0], socket.MSG_WAITALL)


def serve(conn, way, log):
    note(log, "connection")
    greeting = GARBAGE.get(way, hello(VERSION))
    if way == "other":
        greeting = hello(VERSION + 1)
    try:
        if way != "mute":
            conn.sendall(greeting)
    except OSError:
        pass  # a note whose sender is gone can still be read
    try:
        while True:
            body = receive(conn)
            if not body:
                break
            note(log, "message %d" % body[1])
            if body[1] in (SESSION, HINT):
                note(log, "\t".join(text(v) for v in unpack(body)[0]))
            if body[1] == CHECK:
                for kind in AFTER_CHECK.get(way, []):
                    conn.sendall(message(kind))
    except OSError:
        pass
    conn.close()


def main():
    path, log, way = sys.argv[1:4]
    if os.path.exists(path):
        os.unlink(path)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    if len(sys.argv) > 4:
        # The kernel notes who listens when listen is called.
        os.chmod(path, 0o777)
        os.seteuid(int(sys.argv[4]))
    server.listen(64)
    print("ready", flush=True)
    while True:
        conn, _ = server.accept()
        threading.Thread(target=serve, args=(conn, way, log),
                         daemon=True).start()


main()
