"""What the vendor answers: the OpenAI API, just enough of it for the cases.

Answers are a function of the question (ids and times included), so the same call made twice gives the same bytes: that is
how a case compares what came through the gateway with what the vendor says when asked directly.

Model names that misbehave:
    fail-400, fail-401, fail-404, fail-500-always   that status
    fail-429-once       429 with retry-after-ms, then a good answer, in turn
    stream-error        an error event after two chunks
    stream-cut          the connection drops after two chunks
    split-bytes         a good stream written seven bytes at a time, through the middle of characters
    slow                a chunk each 50 ms until the caller hangs up
    hang                no answer at all until the caller hangs up
    aider-edit          a SEARCH/REPLACE block for hello.py
"""
from __future__ import annotations

import asyncio
import base64
import json
import random
import struct
import zlib
from typing import Any, AsyncIterator, Dict, Optional, Tuple

from .chat import chat_stream, reply
from .responses import Responses
from .server import Answer, Request
from .shapes import CREATED, digest, event_stream, fail, pieces, sse, usage_of

MODELS = [
    "gpt-4o-mini", "gpt-4o", "gpt-3.5-turbo-instruct", "text-embedding-3-small", "whisper-1", "gpt-4o-transcribe", "tts-1",
    "gpt-image-1", "omni-moderation-latest", "org/slash-model", "aider-edit", "fail-400", "fail-401", "fail-404",
    "fail-429-once", "fail-500-always", "stream-error", "stream-cut", "split-bytes", "slow", "hang",
]
VENDOR_HEADERS = {
    "openai-version": "2020-10-01",
    "openai-processing-ms": "7",
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-reset-requests": "6m0s",
}
FAILURES = {
    "fail-400": lambda: fail(400, "Unsupported parameter: 'judged'.", "invalid_request_error", "unsupported_parameter", "judged"),
    "fail-401": lambda: fail(401, "Incorrect API key provided: sk-upstr****cret.", "invalid_request_error", "invalid_api_key"),
    "fail-404": lambda: fail(404, "No such model, says the vendor.", "invalid_request_error", "model_not_found"),
    "fail-500-always": lambda: fail(500, "The server had an error, says the vendor.", "server_error", None),
}
TOO_MANY = dict(retry_after="1", retry_after_ms="50")


def png() -> bytes:
    """A picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")


class Api:
    """Called with a request, gives the answer. Holds what callers stored."""

    def __init__(self) -> None:
        self.files: Dict[str, Tuple[Dict[str, Any], bytes]] = {}
        self.uploads: Dict[str, Tuple[Dict[str, Any], Dict[str, bytes]]] = {}
        self.responses = Responses()
        self.limited = False
        self.counter = 0

    async def __call__(self, request: Request) -> Answer:
        answer = await self.failure(request.json().get("model")) or self.route(request)
        answer.headers.update(VENDOR_HEADERS)
        return answer

    async def failure(self, model: Optional[str]) -> Optional[Answer]:
        if model == "hang":
            await asyncio.sleep(3600)
        if model == "fail-429-once":
            self.limited = not self.limited
            if self.limited:
                return fail(429, "Rate limit reached, says the vendor.", "requests", "rate_limit_exceeded", **TOO_MANY)
        return FAILURES[model]() if model in FAILURES else None

    def route(self, request: Request) -> Answer:
        segments = request.path.split("/")[2:]  # after "/v1"
        found = getattr(self, f"{request.method.lower()}_{segments[0]}", None) if request.path.startswith("/v1/") else None
        answer = found(request, *segments[1:]) if found else None
        return answer or fail(404, f"Invalid URL ({request.method} {request.path})", "invalid_request_error", None)

    def new_id(self, prefix: str) -> str:
        self.counter += 1
        return f"{prefix}{digest([self.counter])}"

    # chat and completions

    def post_chat(self, request: Request, *_: str) -> Answer:
        body = request.json()
        message, said = reply(body)
        head = {"id": f"chatcmpl-{digest(body['messages'])}", "created": CREATED, "model": body["model"]}
        tail = {"service_tier": "default", "system_fingerprint": "fp_judge"}
        reason = "tool_calls" if message.get("tool_calls") else "stop"
        usage = usage_of(body["messages"], said)
        if body.get("stream"):
            return event_stream(chat_stream(body, message, {**head, "object": "chat.completion.chunk", **tail}, reason, usage))
        whole = {**message, "refusal": None, "annotations": []}
        choice = {"index": 0, "message": whole, "logprobs": None, "finish_reason": reason}
        return Answer({**head, "object": "chat.completion", "choices": [choice], "usage": usage, **tail})

    def post_completions(self, request: Request) -> Answer:
        body = request.json()
        text = f"You said: {body['prompt']}"
        head = {"id": f"cmpl-{digest(body['prompt'])}", "object": "text_completion", "created": CREATED, "model": body["model"]}
        if body.get("stream"):
            async def chunks() -> AsyncIterator[bytes]:
                for piece in pieces(text):
                    yield sse(None, {**head, "choices": [{"index": 0, "text": piece, "logprobs": None, "finish_reason": None}]})
                yield b"data: [DONE]\n\n"

            return event_stream(chunks())
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": "stop"}
        return Answer({**head, "choices": [choice], "usage": usage_of(body["prompt"], text)})

    # the small JSON ones

    def get_models(self, request: Request, *name: str) -> Optional[Answer]:
        listed = [{"id": model, "object": "model", "created": CREATED, "owned_by": "judge"} for model in MODELS]
        if not name:
            return Answer({"object": "list", "data": listed})
        wanted = "/".join(name)
        return next((Answer(model) for model in listed if model["id"] == wanted), None)

    def post_embeddings(self, request: Request) -> Answer:
        body = request.json()
        inputs = body["input"]
        if isinstance(inputs, str) or isinstance(inputs[0], int):
            inputs = [inputs]
        data = []
        for index, text in enumerate(inputs):
            drawn = random.Random(digest(text))
            vector: Any = [drawn.randrange(-512, 512) / 512 for _ in range(body.get("dimensions", 256))]
            if body.get("encoding_format") == "base64":
                vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
            data.append({"object": "embedding", "index": index, "embedding": vector})
        usage = {"prompt_tokens": len(inputs), "total_tokens": len(inputs)}
        return Answer({"object": "list", "data": data, "model": body["model"], "usage": usage})

    def post_moderations(self, request: Request) -> Answer:
        body = request.json()
        flagged = "attack" in json.dumps(body["input"])
        names = ("harassment", "hate", "illicit", "self-harm", "sexual", "violence")
        result = {
            "flagged": flagged,
            "categories": {name: flagged and name == "violence" for name in names},
            "category_scores": {name: 0.9 if flagged and name == "violence" else 0.01 for name in names},
            "category_applied_input_types": {name: ["text"] for name in names},
        }
        model = body.get("model", "omni-moderation-latest")
        return Answer({"id": f"modr-{digest(body['input'])}", "model": model, "results": [result]})

    def post_images(self, request: Request, kind: str) -> Answer:
        details = {"text_tokens": 4, "image_tokens": 0}
        usage = {"total_tokens": 9, "input_tokens": 4, "output_tokens": 5, "input_tokens_details": details}
        picture = {"b64_json": base64.b64encode(png()).decode()}
        if not request.json().get("stream"):
            return Answer({"created": CREATED, "data": [picture], "usage": usage})
        shared = {
            **picture, "created_at": CREATED, "size": "1024x1024", "quality": "low", "background": "opaque", "output_format": "png",
        }

        async def events() -> AsyncIterator[bytes]:
            partial, done = "image_generation.partial_image", "image_generation.completed"
            yield sse(partial, {"type": partial, **shared, "partial_image_index": 0})
            yield sse(done, {"type": done, **shared, "usage": usage})

        return event_stream(events())

    # sound

    def post_audio(self, request: Request, kind: str) -> Optional[Answer]:
        if kind == "speech":
            return Answer(speech(request.json()["input"]), content_type="audio/mpeg")
        if kind not in ("transcriptions", "translations"):
            return None
        fields = {part.name: part.data for part in request.parts()}
        text = f"Heard {len(fields['file'])} bytes — ça va? 🎧"
        if fields.get("stream") == b"true":
            return event_stream(transcript_events(text))
        if fields.get("response_format") == b"text":
            return Answer(text.encode() + b"\n", content_type="text/plain; charset=utf-8")
        return Answer({"text": text, "usage": {"type": "duration", "seconds": 3}})

    # files and uploads

    def store(self, name: str, purpose: str, data: bytes) -> Dict[str, Any]:
        entry = {
            "id": self.new_id("file-"), "object": "file", "bytes": len(data), "created_at": CREATED, "filename": name,
            "purpose": purpose, "status": "processed", "expires_at": None, "status_details": None,
        }
        self.files[entry["id"]] = (entry, data)
        return entry

    def post_files(self, request: Request) -> Answer:
        parts = {part.name: part for part in request.parts()}
        return Answer(self.store(parts["file"].filename or "", parts["purpose"].data.decode(), parts["file"].data))

    def get_files(self, request: Request, name: str = "", what: str = "") -> Optional[Answer]:
        if not name:
            listed = [entry for entry, _ in self.files.values()]
            return Answer({"object": "list", "data": listed, "has_more": False})
        if name not in self.files:
            return fail(404, f"No such File object: {name}", "invalid_request_error", None, "id")
        entry, data = self.files[name]
        return Answer(data, content_type="application/octet-stream") if what == "content" else Answer(entry)

    def delete_files(self, request: Request, name: str) -> Answer:
        return Answer({"id": name, "object": "file", "deleted": self.files.pop(name, None) is not None})

    def post_uploads(self, request: Request, name: str = "", what: str = "") -> Optional[Answer]:
        if not name:
            body = request.json()
            upload = {
                "id": self.new_id("upload_"), "object": "upload", "bytes": body["bytes"], "created_at": CREATED,
                "filename": body["filename"], "purpose": body["purpose"], "status": "pending", "expires_at": CREATED + 3600,
                "file": None,
            }
            self.uploads[upload["id"]] = (upload, {})
            return Answer(upload)
        upload, parts = self.uploads[name]
        if what == "parts":
            part = {"id": self.new_id("part_"), "object": "upload.part", "created_at": CREATED, "upload_id": name}
            parts[part["id"]] = request.parts()[0].data
            return Answer(part)
        if what == "complete":
            data = b"".join(parts[part] for part in request.json()["part_ids"])
            upload.update(status="completed", file=self.store(upload["filename"], upload["purpose"], data))
        if what == "cancel":
            upload["status"] = "cancelled"
        return Answer(upload)

    # responses

    def post_responses(self, request: Request, *path: str) -> Optional[Answer]:
        return self.responses.post(request, *path)

    def get_responses(self, request: Request, *path: str) -> Optional[Answer]:
        return self.responses.get(*path)

    def delete_responses(self, request: Request, name: str) -> Answer:
        return self.responses.delete(name)


async def transcript_events(text: str) -> AsyncIterator[bytes]:
    for piece in pieces(text):
        yield sse("transcript.text.delta", {"type": "transcript.text.delta", "delta": piece})
    yield sse("transcript.text.done", {"type": "transcript.text.done", "text": text})


async def speech(text: str) -> AsyncIterator[bytes]:
    """Twenty chunks of noise, 20 ms apart."""
    noise = random.Random(text)
    for _ in range(20):
        yield noise.getrandbits(8 * 8192).to_bytes(8192, "big")
        await asyncio.sleep(0.02)
