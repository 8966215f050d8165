"""What every fake vendor shares: the server, the ledger, and the tools of a strict reader."""
from __future__ import annotations

import base64
import binascii
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple
from urllib.parse import parse_qs, unquote, urlsplit

from . import script


class Refused(Exception):
    """What is asked is not as the vendor's reference has it."""

    def __init__(self, message: str, status: int = 400):
        super().__init__(message)
        self.message, self.status = message, status


@dataclass
class Call:
    """A request as it came."""

    path: str
    query: Dict[str, str]
    headers: Dict[str, str]
    raw: bytes
    body: Any = None
    unmarked: int = 0


@dataclass
class Entry:
    """One line of the ledger: what came, and what was said to it."""

    path: str
    headers: Dict[str, str]
    body: Any
    status: int = 0
    answer: str = ""  # the words of a refusal
    cut: bool = False
    unmarked: int = 0


@dataclass
class Answer:
    """A body, or the pieces of a stream. A stream that is cut ends without its end."""

    body: Any
    status: int = 200
    type: str = "application/json"
    headers: Dict[str, str] = field(default_factory=dict)
    cut: bool = False


class Vendor:
    """A server on a free port. A wire says how it is asked, how it answers, and how it refuses."""

    word = ""  # the wire
    kind = ""  # the gateway's word for such a provider
    base = ""  # the path of its base URL
    model = "real-1"
    # What is no conversation, vectors and orders: the path, and what is answered there.
    others: Dict[str, Callable[[Call, str], Any]] = {}

    def __init__(self, serve: bool = True) -> None:
        self.key = f"key-of-{self.word}-5f2a91c7"
        self.ledger: List[Entry] = []
        if serve:
            self.serve()

    def serve(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"vendor": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.base_url = f"http://127.0.0.1:{self._server.server_port}{self.base}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    # what a wire says

    def check(self, call: Call) -> None:
        """The address and the key, before the body is looked at."""
        raise NotImplementedError

    def read(self, call: Call) -> script.Ask:
        raise NotImplementedError

    def whole(self, reply: script.Reply, ask: script.Ask) -> Any:
        raise NotImplementedError

    def pieces(self, reply: script.Reply, ask: script.Ask) -> Iterator[bytes]:
        raise NotImplementedError

    def refusal(self, status: int, message: str, call: Call) -> Answer:
        raise NotImplementedError

    def busy(self, call: Call) -> Answer:
        """429, free again in some seconds."""
        answer = self.refusal(429, BUSY, call)
        answer.headers["retry-after"] = str(RETRY_AFTER)
        return answer

    stream_type = "text/event-stream"

    def say(self, ask: script.Ask, call: Call) -> script.Reply:
        """What the model says to it."""
        return script.reply(ask)

    # the way of a call

    def answer(self, call: Call) -> Answer:
        try:
            self.check(call)
            call.body = parsed(call.raw)
            if call.path in self.others:
                return Answer(self.others[call.path](call, self.model))
            ask = self.read(call)
            call.unmarked = ask.unmarked
            reply = self.say(ask, call)
        except Refused as refused:
            return self.refusal(refused.status, refused.message, call)
        except script.Unsaid as unsaid:
            return self.refusal(400, str(unsaid), call)
        if reply.busy:
            return self.busy(call)
        if ask.stream:
            return Answer(self.pieces(reply, ask), type=self.stream_type, cut=reply.cut)
        return Answer(self.whole(reply, ask), cut=reply.cut)


BUSY = "Too many requests: wait a moment."
RETRY_AFTER = 1


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    vendor: Vendor

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(unquote(url.path), query, headers, self.rfile.read(int(headers.get("content-length", 0))))
        try:
            answer = self.vendor.answer(call)
        except Exception as error:  # a question this vendor cannot read: said, in place of a dead connection
            answer = self.vendor.refusal(400, f"cannot read this: {type(error).__name__}: {error}", call)
        entry = Entry(self.path, headers, call.body, answer.status, cut=answer.cut, unmarked=call.unmarked)
        if answer.status >= 400:
            entry.answer = json.dumps(answer.body, ensure_ascii=False)
        self.vendor.ledger.append(entry)
        self.send(answer)

    def send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("content-type", answer.type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if isinstance(answer.body, Iterator):
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.send_pieces(answer)
            return
        body = compact(answer.body)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if answer.cut else body)
        self.close_connection = answer.cut

    def send_pieces(self, answer: Answer) -> None:
        for piece in answer.body:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.flush()
        if answer.cut:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        pass


# writing


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def sse(data: Any, event: Optional[str] = None) -> bytes:
    named = f"event: {event}\n".encode() if event else b""
    return named + b"data: " + compact(data) + b"\n\n"


def parts_of(text: str, size: int = 6) -> List[str]:
    """A text in pieces."""
    return [text[at : at + size] for at in range(0, len(text), size)]


# reading


def parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise Refused(f"the body is no JSON: {error}") from None


def known(value: Any, where: str, need: str = "", may: str = "") -> Dict[str, Any]:
    """An object with these fields and no others."""
    if not isinstance(value, dict):
        raise Refused(f"{where}: an object is wanted, not {kind_of(value)}")
    for name in need.split():
        if name not in value:
            raise Refused(f"{where}.{name}: Field required")
    allowed = {*need.split(), *may.split()}
    for name in value:
        if name not in allowed:
            raise Refused(f"{where}.{name}: Extra inputs are not permitted")
    return value


def one_of(value: Any, where: str, choices: Iterable[str]) -> str:
    """A union: an object with exactly one of these fields."""
    if not isinstance(value, dict):
        raise Refused(f"{where}: an object is wanted, not {kind_of(value)}")
    names = [name for name in value if name in set(choices)]
    if len(names) != 1:
        raise Refused(f"{where}: exactly one of {', '.join(choices)} is wanted, there is {sorted(value)}")
    return names[0]


def word(value: Any, where: str, choices: Iterable[str] = (), pattern: str = "") -> str:
    if not isinstance(value, str):
        raise Refused(f"{where}: a string is wanted, not {kind_of(value)}")
    if choices and value not in set(choices):
        raise Refused(f"{where}: {value!r} is none of {', '.join(choices)}")
    if pattern and not re.fullmatch(pattern, value):
        raise Refused(f"{where}: {value!r} does not match {pattern}")
    return value


def full(value: Any, where: str) -> str:
    """A text with something in it."""
    if not word(value, where).strip():
        raise Refused(f"{where}: text must be non-empty")
    return value


def items(value: Any, where: str, least: int = 0) -> List[Any]:
    if not isinstance(value, list):
        raise Refused(f"{where}: a list is wanted, not {kind_of(value)}")
    if len(value) < least:
        raise Refused(f"{where}: at least {least} wanted")
    return value


def number(value: Any, where: str, low: float, high: float, whole: bool = False) -> Any:
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise Refused(f"{where}: {'an integer' if whole else 'a number'} is wanted, not {kind_of(value)}")
    if not low <= value <= high:
        raise Refused(f"{where}: {value} is not within {low} and {high}")
    return value


def flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise Refused(f"{where}: a boolean is wanted, not {kind_of(value)}")
    return value


def numbers(body: Dict[str, Any], where: str, **ranges: Tuple[float, float]) -> None:
    """Optional numbers; whole ones where both ends are."""
    for name, (low, high) in ranges.items():
        if body.get(name) is not None:
            number(body[name], f"{where}.{name}", low, high, whole=isinstance(low, int) and isinstance(high, int))


def schema(value: Any, where: str) -> Dict[str, Any]:
    """A JSON schema of an object."""
    if not isinstance(value, dict) or value.get("type") != "object":
        raise Refused(f"{where}: a JSON schema of type object is wanted, not {json.dumps(value)[:80]}")
    if not isinstance(value.get("properties", {}), dict):
        raise Refused(f"{where}.properties: an object is wanted")
    return value


def arguments(value: Any, where: str) -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(f"{where}: Input should be a valid dictionary, not {kind_of(value)}")
    return value


def image(data: Any, media: str, where: str) -> Tuple[str, int]:
    """An image in base64 that is what it is said to be."""
    try:
        raw = base64.b64decode(word(data, where), validate=True)
    except binascii.Error:
        raise Refused(f"{where}: invalid base64 data") from None
    found = kind_of_image(raw)
    if media and found != media:
        raise Refused(f"{where}: the image is {found}, and is said to be {media}")
    return found, len(raw)


def kind_of_image(raw: bytes) -> str:
    for start, media in ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"), (b"RIFF", "image/webp")):
        if raw.startswith(start):
            return media
    raise Refused("Could not process image")


def kind_of(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__


class Pending:
    """The calls of a turn, which want their results in the next one."""

    def __init__(self) -> None:
        self.open: Dict[str, script.Called] = {}
        self.results: List[Tuple[script.Called, str]] = []
        self._order: List[str] = []
        self.unmarked = 0  # turns that were told again without the mark they had

    def call(self, ident: str, name: str, given: Dict[str, Any], where: str) -> None:
        if ident in self._order:
            raise Refused(f"{where}: the id {ident!r} is there twice")
        self._order.append(ident)
        self.open[ident] = script.Called(ident, name, given)

    def result(self, ident: str, text: str, where: str) -> None:
        if ident not in self.open:
            raise Refused(f"{where}: unexpected result {ident!r}, no call before it has that id")
        self.results.append((self.open.pop(ident), text))
        self.results.sort(key=lambda result: self._order.index(result[0].ident))

    def settle(self, where: str) -> None:
        """Nothing may be left open here, and what has its results is history."""
        if self.open:
            raise Refused(f"{where}: calls without results: {', '.join(self.open)}")
        self.results = []
