#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A daemon that misbehaves in one way (src/wire/PROTOCOL).

usage: fake-daemon.py SOCKET LOG WAY [UID]

WAY says how it answers; LOG gets a line for each connection and message. With
UID it listens as that user (root only). Says "ready" when it listens.
"""
import os
import socket
import struct
import sys
import threading

HELLO, CHECK, ACCEPTED, BUSY, NONE = 1, 2, 3, 4, 5
NOT_FOUND, LATE, STORED = 7, 8, 11
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


def receive(conn):
    head = conn.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        return None
    return conn.recv(struct.unpack("<I", head)[0], socket.MSG_WAITALL)


def serve(conn, way, log):
    note(log, "connection")
    try:
        if way == "other":
            conn.sendall(hello(VERSION + 1))
        elif way in GARBAGE:
            conn.sendall(GARBAGE[way])
        elif way != "mute":
            conn.sendall(hello(VERSION))
        while True:
            body = receive(conn)
            if not body:
                break
            note(log, "message %d" % body[1])
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
