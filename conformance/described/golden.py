"""The golden files of the codecs, taken apart into the values in them."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, List

KINDS = ("request", "response", "stream")


@dataclass(frozen=True)
class Snap:
    """What one codec wrote for one case: one value, or those of a stream in order; none where it refused."""

    to: str
    kind: str
    file: str
    values: List[Any]


def snaps(golden: Path) -> Iterator[Snap]:
    """All of them."""
    for kind in KINDS:
        for path in sorted((golden / kind).glob("*/*.snap")):
            to = path.name.split(".")[-2]
            text = path.read_text(encoding="utf-8")
            values = list(streamed(text)) if kind == "stream" else whole(text)
            yield Snap(to, kind, str(path.relative_to(golden)), values)


def whole(text: str) -> List[Any]:
    """A body, after the lines that say what of it was lost; none where it was refused."""
    lines = text.splitlines()
    while lines and lines[0].startswith("lost: "):
        lines.pop(0)
    return [] if lines[0].startswith("refused: ") else [json.loads("\n".join(lines))]


def streamed(text: str) -> Iterator[Any]:
    """The events of a stream: of SSE what stands after `data:`, else one value a line."""
    name = ""
    for line in text.splitlines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif not line:
            name = ""
        elif line != "data: [DONE]":
            value = json.loads(line.removeprefix("data: "))
            # Its name has to be its type's, or it is none that anybody describes.
            yield {**value, "type": f"{value.get('type')}, named {name}"} if name not in ("", value.get("type")) else value
