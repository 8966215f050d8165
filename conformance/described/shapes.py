"""Values against the shapes of an AWS service, as botocore describes them."""
from __future__ import annotations

import base64
import binascii
import json
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List

from .problem import MISSING, UNKNOWN, Problem, join, short

Shape = Dict[str, Any]
PYTHON = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "blob": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}


class Shapes:
    """One service, ready to judge the JSON in which it is asked and answers."""

    def __init__(self, path: Path):
        self.shapes: Dict[str, Shape] = json.loads(path.read_bytes())["shapes"]

    def problems(self, name: str, value: Any) -> List[Problem]:
        """What is wrong with a body of this shape."""
        return list(dict.fromkeys(self._check(name, value, "")))

    def _check(self, name: str, value: Any, path: str) -> Iterator[Problem]:
        shape = self.shapes[name]
        if shape.get("document"):
            return
        kind = shape["type"]
        if not isinstance(value, PYTHON[kind]) or isinstance(value, bool) != (kind == "boolean"):
            yield Problem(path, f"{short(value)} is no {kind}")
            return
        yield from limits(shape, value, path)
        if kind == "structure":
            yield from self._structure(shape, value, path)
        elif kind == "list":
            for index, item in enumerate(value):
                yield from self._check(shape["member"]["shape"], item, join(path, index))
        elif kind == "map":
            for key, item in value.items():
                yield from self._check(shape["key"]["shape"], key, join(path, key))
                yield from self._check(shape["value"]["shape"], item, join(path, key))

    def _structure(self, shape: Shape, value: Dict[str, Any], path: str) -> Iterator[Problem]:
        # What goes in the path or a header is no part of the body.
        members = {name: member for name, member in shape["members"].items() if "location" not in member}
        for name in shape.get("required", []):
            if name in members and name not in value:
                yield Problem(join(path, name), MISSING)
        if (shape.get("union") or shape.get("eventstream")) and len(value) != 1:
            yield Problem(path, f"a union with {len(value)} members: {', '.join(value)}")
        for name, item in value.items():
            if name in members:
                yield from self._check(members[name]["shape"], item, join(path, name))
            else:
                yield Problem(join(path, name), UNKNOWN)


def limits(shape: Shape, value: Any, path: str) -> Iterator[Problem]:
    """Enums, patterns, base64, and how much or how many there may be."""
    size = value if isinstance(value, (int, float)) else len(value)
    if shape["type"] == "blob":
        try:
            size = len(base64.b64decode(value, validate=True))
        except binascii.Error:
            yield Problem(path, f"{short(value)} is no base64")
    if "enum" in shape and value not in shape["enum"]:
        yield Problem(path, f"{short(value)} is none of {shape['enum']}")
    if "pattern" in shape and not re.search(shape["pattern"], value):
        yield Problem(path, f"{short(value)} is against pattern {shape['pattern']}")
    if not shape.get("min", size) <= size <= shape.get("max", size):
        yield Problem(path, f"{short(value)} is not from {shape.get('min')} to {shape.get('max')}")
