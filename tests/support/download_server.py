"""A web server on this machine that behaves as badly as it is told to."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Behavior:
    """What the server does, and what it was asked.

    content: the file; ranges: whether parts are sent; drop: per request, after how many bytes the line is cut (None: never);
    stall: per request, after how many bytes it falls silent; declared: the length that it claims; status, version, redirect.
    """

    def __init__(self, content=b"", **changes):
        self.content, self.ranges, self.drop, self.stall = content, True, [], []
        self.declared, self.status, self.version, self.redirect = None, 200, '"v1"', None
        self.length = True
        self.requests = []
        vars(self).update(changes)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *_):
        pass

    def do_GET(self):
        told = self.server.behavior
        asked = self.headers.get("Range")
        number = len(told.requests)
        told.requests.append(asked)
        if told.redirect:
            self.send_response(302)
            self.send_header("Location", told.redirect)
            self.end_headers()
            return
        start = 0
        fresh = self.headers.get("If-Range") in (None, told.version)
        if asked and told.ranges and fresh and told.status == 200:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(told.content):
                self.send_response(416)
                self.end_headers()
                return
            self.send_response(206)
            total = told.declared or len(told.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(told.status)
        if told.length:
            self.send_header("Content-Length", str((told.declared or len(told.content)) - start))
        if told.version:
            self.send_header("ETag", told.version)
        self.end_headers()
        body = told.content[start:]
        for plan, act in ((told.drop, None), (told.stall, 3)):
            if number < len(plan) and plan[number] is not None:
                self.wfile.write(body[: plan[number]])
                self.wfile.flush()
                if act:
                    time.sleep(act)
                return
        self.wfile.write(body)


@contextmanager
def serving(behavior):
    """Yield the URL of a file on the server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.behavior, server.daemon_threads, server.block_on_close = behavior, True, False
    server.handle_error = lambda *_: None  # clients that hang up
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/data/broden1_224.zip"
    finally:
        server.shutdown()
        server.server_close()
