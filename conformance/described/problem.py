"""What a description finds wrong with a value."""
from __future__ import annotations

from dataclasses import dataclass

MISSING, UNKNOWN = "is required", "is not described"


@dataclass(frozen=True)
class Problem:
    """One fault: where it is (`choices.*.message.role`, a star for every index) and what it is."""

    path: str
    message: str


def join(path: str, key: object) -> str:
    """The path one step further in."""
    step = "*" if isinstance(key, int) else str(key)
    return f"{path}.{step}" if path else step


def short(value: object) -> str:
    """A value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
