"""What every Python client script shares: where to call, the judge's ledger, and the line printed per case."""
from __future__ import annotations

import asyncio
import inspect
import json
import os
import signal
import time
import urllib.request
from typing import Any, Callable, Dict, List, Optional

BASE_URL = os.environ["BASE_URL"]  # the gateway, /v1 included; the judge itself in direct mode
API_KEY = os.environ["API_KEY"]  # the caller's own key
JUDGE_URL = os.environ.get("JUDGE_URL", "")  # the vendor, for the ledger and for comparing; there is none in languages.py
DIRECT = bool(os.environ.get("DIRECT"))
CHECKING = {"x-conformance": "1"}  # header of calls made straight to the vendor to compare; the ledger leaves them out

_cases: List[Any] = []
_mark = 0


def case(name: str, gateway_only: bool = False) -> Callable[[Any], Any]:
    """Registers a check. It fails by raising; what it returns is printed as the detail."""

    def register(check: Any) -> Any:
        if not (gateway_only and DIRECT):
            _cases.append((name, check))
        return check

    return register


def expect(truth: Any, otherwise: Any = "") -> None:
    if not truth:
        raise AssertionError(f"expected otherwise: {otherwise}")


def equal(got: Any, wanted: Any) -> None:
    if got != wanted:
        raise AssertionError(f"got {got!r:.300}, wanted {wanted!r:.300}")


def seen(path: str, since: Optional[int] = None) -> List[Dict[str, Any]]:
    """What the vendor saw on this path since the case began."""
    with urllib.request.urlopen(f"{JUDGE_URL}/_judge/ledger?since={_mark if since is None else since}") as answer:
        entries = json.load(answer)
    return [entry for entry in entries if entry["path"].startswith(path)]


def last(path: str) -> Dict[str, Any]:
    """The latest POST the vendor saw on this path."""
    entries = [entry for entry in seen(path) if entry["method"] == "POST"]
    expect(entries, f"nothing arrived at {path}")
    return entries[-1]


def hung_up(path: str, within: float = 1.0) -> str:
    """Waits for the vendor to see its connection closed before its answer was complete."""
    began = time.monotonic()
    while time.monotonic() - began < within:
        if last(path)["aborted"]:
            return f"vendor saw the close after {time.monotonic() - began:.2f} s"
        time.sleep(0.02)
    raise AssertionError(f"the vendor's connection is still open after {within} s")


def too_long(*_: Any) -> None:
    raise TimeoutError("the case did not end in time")


def run(client: str, version: str, limit: int = 20) -> None:
    """Runs the cases in order, each for at most `limit` seconds."""
    global _mark
    signal.signal(signal.SIGALRM, too_long)
    for name, check in _cases:
        _mark = len(seen("", since=0)) if JUDGE_URL else 0
        signal.alarm(limit)
        try:
            detail = check()
            if inspect.iscoroutine(detail):
                detail = asyncio.run(detail)
            ok = True
        except Exception as error:
            ok, detail = False, f"{type(error).__name__}: {error}"
        signal.alarm(0)
        print(json.dumps({"client": client, "version": version, "case": name, "ok": ok, "detail": detail or ""}), flush=True)
