"""A stand-in of PaddleHub's server on 127.0.0.1: answers as PaddleHub 2.4.0 reads it, and notes what it was told."""

import json
import tarfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

ANY = "[-1.0.0, 99.0.0]"


@dataclass
class HubServer:
    """Publishes modules at `address`, from `with` to its end. told: path and query of every request."""

    folder: Path
    entries: list[dict[str, str]] = field(default_factory=list)
    told: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def publish(self, module: Path, name: str, version: str, paddle_version: str = ANY) -> None:
        """Offer the folder as that module; paddle_version: the lowest and highest Paddle that it says it runs on."""
        archive = f"{name}_{version}.tar.gz"
        with tarfile.open(self.folder / archive, "w:gz", compresslevel=1) as tar:
            tar.add(module, name)
        url = f"{self.root}/archives/{archive}"
        versions = {"paddle_version": paddle_version, "hub_version": "[2.0.0, 99.0.0]"}
        self.entries.append({"name": name, "version": version, "url": url, **versions})

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def address(self) -> str:
        return f"{self.root}/paddlehub"

    def __enter__(self) -> "HubServer":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str, query: dict[str, str]) -> bytes | None:
        self.told.append((path, query))
        if path == "/paddlehub/search":
            return self._found(query["word"], query.get("version"))
        if path == "/paddlehub/info":
            versions = [entry for entry in self.entries if entry["name"] == query["name"]]
            return _encode({"info": versions} if versions else {})
        archive = self.folder / Path(path).name
        return archive.read_bytes() if path.startswith("/archives/") and archive.is_file() else None

    def _found(self, name: str, version: str | None) -> bytes:
        return _encode([each for each in self.entries if each["name"] == name and version in (None, each["version"])])

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                body = server.answer(parts.path, {name: values[-1] for name, values in parse_qs(parts.query).items()})
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _encode(data: Any) -> bytes:
    return json.dumps({"status": 0, "data": data}).encode()
