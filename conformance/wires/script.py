"""What the model says. The first word of the last thing a user said decides, whatever the wire.

say ...    a text with what was said, and the system's words if there are any
call       two calls at once; once their results are there, a text that quotes them
think ...  the same as `say`, or with `think call` as `call`, after a thought, if thinking was asked for
see        the media type and the length of each image
json       an instance of the schema that was asked for, or of the tool's that stands for one
long       a text that is ended by the limit
fail       429
cut        a stream that breaks off
"""
from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

GREETING = "Grüße 🏔 — ça va?"
THOUGHT = "Let me see … 你好. This is easy, and not short either."
PLAN = [("weather", {"city": "Zürich 🏔", "days": 3}), ("clock", {"zone": "Europe/Zurich", "exact": True})]

# What every answer is billed as: all of the prompt, what of it came from a cache, what was put there, all that was written, what of
# it was thinking.
PROMPT, CACHED, STORED, WRITTEN, THINKING = 120, 100, 8, 30, 10


class Unsaid(Exception):
    """The script has no answer to that."""


@dataclass
class Called:
    """A call of a tool."""

    ident: str
    name: str
    given: Dict[str, Any]


@dataclass
class Ask:
    """What was asked, whatever the wire."""

    text: str  # the last thing a user said
    system: str = ""
    stream: bool = False
    results: List[Tuple[Called, str]] = field(default_factory=list)  # that came after it
    images: List[Tuple[str, int]] = field(default_factory=list)  # beside it
    tools: List[str] = field(default_factory=list)
    schemas: Dict[str, Any] = field(default_factory=dict)  # of their arguments
    must_call: bool = True  # tools may be called
    shape: Optional[Dict[str, Any]] = None  # the schema of the answer
    limit: Optional[int] = None
    thinks: bool = False
    model: str = ""
    unmarked: int = 0


@dataclass
class Reply:
    """What is answered, whatever the wire."""

    text: str = ""
    thought: str = ""
    calls: List[Called] = field(default_factory=list)
    stop: str = "end"  # or calls, length
    busy: bool = False
    cut: bool = False

    @property
    def thinking(self) -> int:
        return THINKING if self.thought else 0


def reply(ask: Ask) -> Reply:
    first, _, rest = ask.text.strip().partition(" ")
    said = Reply()
    if first == "think":
        said.thought = THOUGHT if ask.thinks else ""
        first = "call" if rest == "call" else "say"
    if ask.results:
        wrong = [called for called, _ in ask.results if (called.name, called.given) not in PLAN]
        if wrong:
            raise Unsaid(f"this was never called: {wrong[0].name} with {json.dumps(wrong[0].given, ensure_ascii=False)}")
        # A model that has its results does not think again.
        return Reply(text="Heard: " + "; ".join(f"{called.name}={text}" for called, text in ask.results))
    if first == "say":
        said.text = f"You said {rest or 'nothing'}. {GREETING}" + (f" By order: {ask.system}." if ask.system else "")
    elif first == "call":
        call(ask, said)
    elif first == "see":
        if not ask.images:
            raise Unsaid("see: no image arrived")
        said.text = "I see " + ", ".join(f"{media} of {length} bytes" for media, length in ask.images) + "."
    elif first == "json":
        shaped(ask, said)
    elif first == "long":
        if ask.limit is None:
            raise Unsaid("long: no limit was set")
        said.text, said.stop = f"A long text of at most {ask.limit} tokens which", "length"
    elif first == "fail":
        said.busy = True
    elif first == "cut":
        said.text, said.cut = "This will not be ended, and here it", True
    else:
        raise Unsaid(f"the script has no answer to {ask.text!r}")
    return said


def shaped(ask: Ask, said: Reply) -> None:
    stands = next((name for name in ask.schemas if name not in dict(PLAN)), None)
    if ask.shape is not None:
        said.text = json.dumps(instance(ask.shape), ensure_ascii=False)
    elif stands and ask.must_call:
        # Models like to say what they are about to do.
        said.text, said.stop = "I call it.", "calls"
        said.calls = [Called(digest(stands, ask.text)[:8], stands, instance(ask.schemas[stands]))]
    else:
        raise Unsaid("json: no schema was asked for")


def call(ask: Ask, said: Reply) -> None:
    missing = [name for name, _ in PLAN if name not in ask.tools]
    if missing:
        raise Unsaid(f"call: no tool {', '.join(missing)} among {ask.tools}")
    if not ask.must_call:
        raise Unsaid("call: tools may not be called")
    said.stop = "calls"
    said.calls = [Called(digest(name, ask.text)[:8], name, given) for name, given in PLAN]


def written(ask: Ask, said: Reply) -> int:
    """How many tokens an answer has; one that a limit ended has as many as that."""
    return ask.limit if said.stop == "length" and ask.limit else WRITTEN


def signature(thought: str) -> str:
    """The vendor's mark of a thought, which nobody else can make."""
    return base64.b64encode(hashlib.sha512(f"secret {thought}".encode()).digest()).decode()


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def instance(shape: Dict[str, Any], root: Optional[Dict[str, Any]] = None) -> Any:
    """A value that a JSON schema, in whatever spelling, allows."""
    root = root or shape
    if "$ref" in shape:
        target: Any = root
        for step in shape["$ref"].split("/")[1:]:
            target = target[step]
        return instance(target, root)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in shape:
            return instance(shape[choice][0], root)
    if "const" in shape or "enum" in shape:
        return shape.get("const", shape.get("enum", [None])[0])
    kind = shape.get("type", "object")
    kind = (kind[0] if isinstance(kind, list) else kind).lower()
    if kind == "object":
        return {name: instance(part, root) for name, part in shape.get("properties", {}).items()}
    if kind == "array":
        return [instance(shape.get("items", {"type": "string"}), root)]
    return {"string": "Zürich 🏔", "integer": 7, "number": 1.5, "boolean": True, "null": None}[kind]
