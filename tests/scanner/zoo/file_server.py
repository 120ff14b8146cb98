"""A file server on 127.0.0.1 that misbehaves as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep


@dataclass
class Served:
    """One file. cuts: for each request in turn, after how many bytes the connection breaks off.

    splices: honours Range without looking at If-Range, as a careless server does. declared: a false Content-Length.
    drip_s: pause after each of 100 pieces. statuses: answered before the first 200. moved_to: a redirect.
    """

    content: bytes
    etag: str | None = '"1"'
    modified: str | None = None
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    splices: bool = False
    declared: int | None = None
    drip_s: float = 0.0
    statuses: list[int] = field(default_factory=list)
    moved_to: str | None = None


class FileServer(ThreadingHTTPServer):
    """files: by path without the query; asked: (path with query, Range header or None) of each request."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, Served] = {}
        self.asked: list[tuple[str, str | None]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def put(self, path: str, served: Served | bytes) -> str:
        self.files[path] = served if isinstance(served, Served) else Served(served)
        return self.address + path


class Handler(BaseHTTPRequestHandler):
    server: FileServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range")))
        served = self.server.files.get(self.path.partition("?")[0])
        if served is None:
            self.send_error(404)
        elif served.statuses:
            self.send_error(served.statuses.pop(0))
        elif served.moved_to:
            self.send_response(302)
            self.send_header("Location", served.moved_to)
            self.end_headers()
        else:
            with suppress(ConnectionError):
                self.send(served)

    def send(self, served: Served) -> None:
        start = self.start_of(served)
        if start and start >= len(served.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(served.content)}")
            self.end_headers()
            return
        body = served.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(served.content) - 1}/{len(served.content)}")
        self.send_header("Content-Length", str(served.declared or len(body)))
        if served.etag:
            self.send_header("ETag", served.etag)
        if served.modified:
            self.send_header("Last-Modified", served.modified)
        self.end_headers()
        self.send_body(served, body)

    def start_of(self, served: Served) -> int:
        wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
        same = condition in (None, served.etag, served.modified) or served.splices
        if wanted is None or not served.ranges or not same:
            return 0
        return int(wanted.removeprefix("bytes=").removesuffix("-"))

    def send_body(self, served: Served, body: bytes) -> None:
        if served.cuts:
            body = body[: served.cuts.pop(0)]
        size = len(body) if not served.drip_s else max(1, len(body) // 100)
        for at in range(0, len(body), size or 1):
            self.wfile.write(body[at : at + size])
            self.wfile.flush()
            sleep(served.drip_s)


@contextmanager
def run_file_server() -> Iterator[FileServer]:
    server = FileServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
