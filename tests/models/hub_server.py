"""A stand-in for the Hub: one repository on localhost, with the few answers that the Hub's client asks for."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest
import transformers.utils.hub  # noqa: F401 - these two read, when imported, that they are offline: so not inside a test

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """What the stand-in serves, and what it was asked for.

    Attributes:
        folders: Repository id -> folder with its files.
        refused: Repository id -> (status, X-Error-Code).
        break_at: File name -> after how many bytes its first download breaks off.
        always_break: Whether every download of weights breaks off at once.
        gated: Repository ids that say that they are gated.
        token: What a request has to bring to be answered at all; None answers everybody.
        garbled: Whether it answers with a page instead of data, as a login page in between does.
        requests: (method, path, Range header) of every request.
    """

    def __init__(self) -> None:
        self.folders: dict[str, Path] = {}
        self.refused: dict[str, tuple[int, str]] = {}
        self.break_at: dict[str, int] = {}
        self.always_break = False
        self.gated: set[str] = set()
        self.token: str | None = None
        self.garbled = False
        self.requests: list[tuple[str, str, str | None]] = []
        self.url = ""


@contextmanager
def serve_hub():
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The stand-in, known to the Hub's client in this process."""
    from huggingface_hub import file_download
    from huggingface_hub.utils import reset_sessions

    for name in ("HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    constants = huggingface_hub.constants
    with serve_hub() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        reset_sessions()  # one that was made while offline stays so
        yield server
    reset_sessions()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        self.hub.requests.append((self.command, self.path, self.headers.get("Range")))
        path = self.path.removeprefix("/api/models").lstrip("/").split("?")[0]
        name, rest = "/".join(path.split("/")[:2]), path.split("/")[2:]
        status, code = self.hub.refused.get(name, (404, "RepoNotFound"))
        known = self.hub.token is None or self.headers.get("Authorization") == f"Bearer {self.hub.token}"
        if not known:
            self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"}, with_body)
        elif name not in self.hub.folders:
            self._send(status, b"{}", {"X-Error-Code": code}, with_body)
        elif self.hub.garbled:
            self._send(200, b"<html>Please log in</html>", {}, with_body)
        elif self.path.startswith("/api/"):
            if rest[:1] == ["revision"] and rest[1] not in ("main", COMMIT):
                self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, with_body)
            else:
                self._send(200, self._describe(name), {}, with_body)
        else:
            self._send_file(self.hub.folders[name] / rest[2], with_body)

    def _describe(self, name: str) -> bytes:
        folder = self.hub.folders[name]
        files = sorted(path.name for path in folder.iterdir())
        siblings: list[dict[str, str | int]] = [{"rfilename": file} for file in files]
        if "blobs=" in self.path:  # only then does the Hub say how large they are
            siblings = [
                {**row, "size": (folder / file).stat().st_size}
                for row, file in zip(siblings, files, strict=True)
            ]
        described = {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings}
        return json.dumps({**described, "gated": "manual" if name in self.hub.gated else False}).encode()

    def _send_file(self, file: Path, with_body: bool) -> None:
        if not file.is_file():
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"}, with_body)
            return
        content = file.read_bytes()
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT}
        asked = self.headers.get("Range")
        if asked is None:
            stop = self.hub.break_at.pop(file.name, None) if with_body else None
            if self.hub.always_break and file.suffix == ".safetensors":
                stop = 0
            self._send(200, content, headers, with_body, stop)
        else:
            start = int(asked.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._send(206, content[start:], headers, with_body)

    def _send(
        self, status: int, body: bytes, headers: dict[str, str], with_body: bool, stop: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body if stop is None else body[:stop])
        if stop is not None:
            self.close_connection = True
