"""The judge: an HTTP server that plays the vendor and writes down everything it sees.

This file is the transport and the ledger; what is answered stands in api.py.
Each request becomes one ledger entry: what arrived (headers, length and hash of the body, its files), what was sent back
(status, length and hash of the body), and whether the peer hung up before the answer was complete.

The runner reads the ledger in process. Client scripts ask for it: GET /_judge/ledger?since=N.
"""
from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import re
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any, AsyncIterator, Dict, List, Optional, Union
from urllib.parse import parse_qs, unquote, urlsplit

POLL = 0.02  # seconds between two looks at whether the peer hung up
GZIP_FROM = 256  # JSON answers of this many bytes are compressed when the caller accepts it, as the real vendor does
CHECKING = "x-conformance"  # marks a call the judge's own side makes straight to the vendor; not part of the ledger


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Part:
    """One part of a multipart body."""

    name: str
    filename: Optional[str]
    data: bytes


@dataclass
class Request:
    method: str
    path: str
    query: Dict[str, str]
    headers: Dict[str, str]
    body: bytes

    @property
    def is_json(self) -> bool:
        return "json" in self.headers.get("content-type", "")

    def json(self) -> Dict[str, Any]:
        return json.loads(self.body) if self.is_json and self.body else {}

    def parts(self) -> List[Part]:
        """The parts of a multipart body, in order."""
        found = re.search(r'boundary="?([^";]+)', self.headers.get("content-type", ""))
        if not found:
            return []
        parts = []
        for piece in (b"\r\n" + self.body).split(b"\r\n--" + found.group(1).encode())[1:-1]:
            head, data = piece.split(b"\r\n\r\n", 1)
            named = dict(re.findall(r'\b(name|filename)="([^"]*)"', head.decode()))
            parts.append(Part(named["name"], named.get("filename"), data))
        return parts


@dataclass
class Answer:
    """Body: a value to send as JSON, bytes to send as they are, or an iterator to send chunk by chunk."""

    body: Any
    status: int = 200
    headers: Dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def payload(self) -> Union[bytes, AsyncIterator[bytes]]:
        if isinstance(self.body, bytes) or hasattr(self.body, "__aiter__"):
            return self.body
        return compact(self.body)


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Cut(Exception):
    """Raised inside a streamed answer: drop the connection without ending the body."""


@dataclass
class Entry:
    """One line of the ledger."""

    number: int
    method: str
    path: str
    headers: Dict[str, str]
    received: int
    received_sha256: str
    json: Dict[str, Any]
    fields: Dict[str, str]
    files: List[Dict[str, Any]]
    started: float
    status: int = 0
    sent: int = 0
    sent_sha256: str = ""
    complete: bool = False
    aborted: bool = False
    raw: bytes = b""

    def public(self) -> Dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "raw"}


class Vendor:
    """The server, on a thread of its own, on a free loopback port."""

    def __init__(self, answer: Any):
        self.ledger: List[Entry] = []
        self._answer = answer
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, daemon=True).start()
        self._ready.wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connection, "127.0.0.1", 0, limit=2**20))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; true if the connection can carry another."""
        head = await reader.readuntil(b"\r\n\r\n")
        request = await read_request(head, reader, writer)
        if request.path == "/_judge/ledger":
            body = compact([entry.public() for entry in self.ledger[int(request.query["since"]):]])
            writer.write(head_of(Answer(body), len(body)) + body)
            return True
        entry = self._note(head, request)
        served = asyncio.ensure_future(self._serve(request, entry, writer))
        gone = asyncio.ensure_future(hang_up(reader))
        await asyncio.wait([served, gone], return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not served.done():
            served.cancel()
            entry.aborted = True
            return False
        try:
            served.result()
        except ConnectionError:
            entry.aborted = True
            return False
        except Cut:
            writer.transport.abort()
            return False
        return request.headers.get("connection", "").lower() != "close"

    def _note(self, head: bytes, request: Request) -> Entry:
        parts = request.parts()
        entry = Entry(
            number=len(self.ledger),
            method=request.method,
            path=request.path,
            headers=request.headers,
            received=len(request.body),
            received_sha256=sha256(request.body),
            json=request.json(),
            fields={part.name: part.data.decode(errors="replace") for part in parts if part.filename is None},
            files=[
                {"name": part.name, "filename": part.filename, "length": len(part.data), "sha256": sha256(part.data)}
                for part in parts
                if part.filename is not None
            ],
            started=time.time(),
            raw=head + request.body,
        )
        if CHECKING not in request.headers:
            self.ledger.append(entry)
        return entry

    async def _serve(self, request: Request, entry: Entry, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._answer(request)
        except Exception as error:  # a question the judge cannot answer: say so, in place of a dead connection
            answer = Answer({"error": {"message": f"judge: {error!r}", "type": "judge", "param": None, "code": None}}, 400)
        answer.headers.setdefault("x-request-id", f"req_judge_{entry.number}")
        entry.status = answer.status
        payload = answer.payload()
        hashed = hashlib.sha256()
        if isinstance(payload, bytes):
            entry.sent, entry.sent_sha256 = len(payload), sha256(payload)
            if answer.content_type == "application/json" and len(payload) >= GZIP_FROM:
                payload = compressed(payload, request, answer)
            writer.write(head_of(answer, len(payload)) + payload)
            await writer.drain()
        else:
            writer.write(head_of(answer, None))
            async for chunk in payload:
                entry.sent += len(chunk)
                hashed.update(chunk)
                entry.sent_sha256 = hashed.hexdigest()
                writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        entry.complete = True


def compressed(payload: bytes, request: Request, answer: Answer) -> bytes:
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return payload
    answer.headers["content-encoding"] = "gzip"
    return gzip.compress(payload)


async def read_request(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    url = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(url.query).items()}
    return Request(method, unquote(url.path), query, headers, await read_body(headers, reader))


async def read_body(headers: Dict[str, str], reader: asyncio.StreamReader) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", ""):
        return await reader.readexactly(int(headers.get("content-length", 0)))
    chunks = []
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        chunks.append((await reader.readexactly(size + 2))[:-2])
        if size == 0:
            return b"".join(chunks)


def head_of(answer: Answer, length: Optional[int]) -> bytes:
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    lines = [f"HTTP/1.1 {answer.status} Judged", f"content-type: {answer.content_type}", framing]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def hang_up(reader: asyncio.StreamReader) -> None:
    """Returns once the peer closed its side."""
    while not reader.at_eof() and reader.exception() is None:
        await asyncio.sleep(POLL)
