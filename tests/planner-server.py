#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A planner service in small (src/plan/planner.h), good and bad.

usage: planner-server.py LOG [PLAN]

Listens on a free port of 127.0.0.1 and prints it. What stands before
/v2/prefetch-plan in the path says how it answers: execute (the candidates of
the JSON file PLAN, else two of its own), use_fallback, do_nothing, garbage,
huge, slow, stall, cut, redirect, token (401 without "Bearer secret"). LOG gets
a line for each request: its path, its Authorization, its body.
"""
import http.server
import json
import sys
import time

LOG = sys.argv[1]
PLAN = sys.argv[2] if len(sys.argv) > 2 else None
END = "/v2/prefetch-plan"


def candidates():
    if PLAN:
        with open(PLAN) as f:
            return json.load(f)
    return [
        {"cache_key": "ab" * 32, "crate_name": "late", "source": "history",
         "demand_index": 9, "compile_time_ms": 5, "size_bytes": 10},
        {"cache_key": "cd" * 32, "crate_name": "serde_json",
         "demand_index": 1},
    ]


def plan(disposition, with_list=True):
    answer = {"plan_id": "plan-1", "planner": "test",
              "disposition": disposition}
    if with_list:
        answer["candidates"] = (candidates() if disposition == "execute"
                                else [])
    return json.dumps(answer).encode()


def is_request(body):
    """What upstream's service would take."""
    try:
        r = json.loads(body)
        pairs = all(len(d) == 2 and all(isinstance(s, str) for s in d)
                    for d in r["cargo_lock_deps"])
        return (pairs and all(isinstance(s, str) for s in r["crate_names"]) and
                (r["namespace"] is None or isinstance(r["namespace"], str)))
    except (KeyError, TypeError, ValueError):
        return False


class Planner(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        token = self.headers.get("Authorization", "-")
        with open(LOG, "a") as f:
            f.write("%s\t%s\t%s\n" % (self.path, token, body.decode()))
        way = self.path[:-len(END)].strip("/")
        if not self.path.endswith(END) or not is_request(body):
            self.answer(400)
        elif way in ("execute", "use_fallback", "do_nothing"):
            self.answer(200, plan(way, way != "do_nothing"))
        elif way == "garbage":
            self.answer(200, b"<html>It works!</html>")
        elif way == "huge":
            self.answer(200, plan("execute") + b" " * (9 << 20))
        elif way == "slow":
            time.sleep(1.5)
            self.answer(200, plan("execute"))
        elif way == "stall":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"{")
            self.wfile.flush()
            time.sleep(1.5)
        elif way == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"{")
            self.close_connection = True
        elif way == "redirect":
            self.answer(307, headers=[("Location", "/execute" + END)])
        elif way == "token":
            good = token == "Bearer secret"
            self.answer(200 if good else 401,
                        plan("execute") if good else b"")
        else:
            self.answer(404)

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args):
        pass


with Server(("127.0.0.1", 0), Planner) as server:
    # One write, whatever Python buffers: who reads it may then close.
    sys.stdout.write("%d\n" % server.server_address[1])
    sys.stdout.flush()
    server.serve_forever()
