"""The small shapes every answer is built from."""
from __future__ import annotations

import hashlib
from typing import Any, AsyncIterator, Dict, List, Optional

from .server import Answer, compact

CREATED = 1_700_000_000


def fail(status: int, message: str, kind: str, code: Optional[str], param: Optional[str] = None, **headers: str) -> Answer:
    error = {"message": message, "type": kind, "param": param, "code": code}
    return Answer({"error": error}, status, {name.replace("_", "-"): value for name, value in headers.items()})


def digest(value: Any) -> str:
    return hashlib.sha256(compact(value)).hexdigest()[:24]


def sse(event: Optional[str], data: Any) -> bytes:
    named = b"event: %b\n" % event.encode() if event else b""
    return named + b"data: %b\n\n" % compact(data)


def text_of(content: Any) -> str:
    """The text of a message's content, be it a string or a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or [])


def pieces(text: str, size: int = 5) -> List[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def usage_of(question: Any, answer: str) -> Dict[str, Any]:
    asked, said = len(compact(question)) // 4, len(answer.split()) + 1
    return {
        "prompt_tokens": asked,
        "completion_tokens": said,
        "total_tokens": asked + said,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def instance(schema: Dict[str, Any], root: Optional[Dict[str, Any]] = None) -> Any:
    """A value that satisfies a JSON schema of the kind clients make."""
    root = root or schema
    if "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].split("/")[1:]:
            target = target[step]
        return instance(target, root)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return instance(schema[choice][0], root)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: instance(part, root) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [instance(schema.get("items", {"type": "string"}), root)]
    return {"string": "Zürich 🏔", "integer": 7, "number": 1.5, "boolean": True, "null": None}[kind]


def event_stream(events: AsyncIterator[bytes]) -> Answer:
    return Answer(events, headers={"cache-control": "no-cache"}, content_type="text/event-stream; charset=utf-8")
