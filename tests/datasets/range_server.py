"""An HTTP server on this machine that offers one file, with ranges, ETags and all that goes wrong with them."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Offer:
    """What the server does; change it between requests. `requests` are those that came, oldest first."""

    content: bytes
    etag: str | None = "strong"  # "strong", "weak" or None
    last_modified: str | None = None
    ranges: bool = True
    heeds_if_range: bool = True
    says_length: bool = True
    breaks: list[int] = field(
        default_factory=list
    )  # each answer ends early after so many bytes, as long as there are
    statuses: list[int] = field(default_factory=list)  # each answer is this error, as long as there are
    requests: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    @property
    def tag(self) -> str | None:
        digest = f'"{hashlib.md5(self.content).hexdigest()}"'
        return {"strong": digest, "weak": f"W/{digest}", None: None}[self.etag]


@contextlib.contextmanager
def serve(offer: Offer, name: str = "data.bin") -> Iterator[Offer]:
    """Serve it on a free port of 127.0.0.1; `offer.url` is its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            offer.requests.append(dict(self.headers.items()))
            if offer.statuses:
                self.send_error(offer.statuses.pop(0))
                return
            content, asked = offer.content, self.headers.get("Range")
            condition = self.headers.get("If-Range")
            same = condition is None or condition in (offer.tag, offer.last_modified) or not offer.heeds_if_range
            start = 0
            if asked and offer.ranges and same:
                start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
                if start >= len(content):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(content)}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            if offer.says_length:
                self.send_header("Content-Length", str(len(content) - start))
            if offer.tag:
                self.send_header("ETag", offer.tag)
            if offer.last_modified:
                self.send_header("Last-Modified", offer.last_modified)
            self.end_headers()
            body = content[start:]
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body[: offer.breaks.pop(0)] if offer.breaks else body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    offer.url = f"http://127.0.0.1:{server.server_port}/{name}"
    try:
        yield offer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
