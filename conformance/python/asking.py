"""What is asked of every vendor, and what must be heard, whatever SDK asks: the other side of wires/script.py."""
from __future__ import annotations

import base64
import os
from typing import Any, Dict, List

from cases import API_KEY, BASE_URL, DIRECT, case, equal, expect, run  # noqa: F401, for the scripts

VENDOR = os.environ["VENDOR"]  # the wire behind the gateway
MODEL = os.environ["MODEL"]

GREETING = "Grüße 🏔 — ça va?"
THOUGHT = "Let me see … 你好. This is easy, and not short either."
SYSTEM = "Be brief, bitte"
LIMIT = 16

SAID = f"You said hello. {GREETING}"
OBEYED = f"{SAID} By order: {SYSTEM}."
GIVEN: Dict[str, Dict[str, Any]] = {"weather": {"city": "Zürich 🏔", "days": 3}, "clock": {"zone": "Europe/Zurich", "exact": True}}
RESULTS = {"weather": "sun ☀ and 21°", "clock": "half past twelve"}
HEARD = f"Heard: weather={RESULTS['weather']}; clock={RESULTS['clock']}"
TRUNCATED = f"A long text of at most {LIMIT} tokens which"
CUT = "This will not be ended, and here it"
BUSY = "Too many requests: wait a moment."
RETRY_AFTER = "1"

# A picture of one pixel.
PNG64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PNG = base64.b64decode(PNG64)
SEEN = f"I see image/png of {len(PNG)} bytes."

TRIP: Dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TRIP_SAID = {"city": "Zürich 🏔", "days": 7}

ABOUT = {"weather": "The weather somewhere", "clock": "The time somewhere"}
SCHEMAS: Dict[str, Dict[str, Any]] = {
    "weather": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "where"}, "days": {"type": "integer", "minimum": 1, "maximum": 14}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "clock": {
        "type": "object",
        "properties": {"zone": {"type": "string"}, "exact": {"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": None}},
        "required": ["zone", "exact"],
    },
}

# How the vendors bill: 120 tokens of a prompt, of which so many were cached and so many were put into the cache; 30 of an answer, of
# which so many were thinking, where its wire has a word for it.
PROMPT, WRITTEN = 120, 30
CACHED = 0 if VENDOR == "ollama" else 100
STORED = 8 if VENDOR in ("messages", "older", "converse") else 0
THINKING = 0 if VENDOR in ("converse", "cohere", "ollama") else 10


# Who makes vectors, and who an order; the other side of wires/vectors.py.
EMBEDS, RERANKS = VENDOR in ("chat", "gemini", "cohere", "ollama"), VENDOR in ("chat", "cohere")
TEXTS = ["one", "two", "Grüße 🏔"]
READ = 7
DOCUMENTS, ORDER = ["short", "the longest of all", "longer one"], [1, 2]


def vector(text: str) -> List[float]:
    """What the vendors make of a text."""
    return [(sum(text.encode()) * (at + 1)) % 997 / 512 for at in range(4)]


VECTORS = [vector(text) for text in TEXTS]


def called(calls: List[Any]) -> None:
    """Two calls, as (name, arguments), with different ids."""
    equal([(name, given) for _, name, given in calls], list(GIVEN.items()))
    expect(all(ident for ident, _, _ in calls) and calls[0][0] != calls[1][0], calls)


def broken(pieces: Any, kind: Any, text: Any) -> str:
    """A stream that breaks off: what was said before arrives, then it is an error."""
    said = ""
    try:
        for piece in pieces:
            said += text(piece) or ""
    except kind as error:
        expect(said and CUT.startswith(said), f"{said!r}, {error!r}")
        return f"{type(error).__name__} after {said!r}"
    raise AssertionError(f"the stream ended as if it were whole, with {said!r}")
