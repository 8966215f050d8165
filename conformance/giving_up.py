#!/usr/bin/env python3
"""How soon programs give up when the gateway says no: requests and seconds, beside the best that was ever measured. See README.md."""
from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Set, Tuple

from launch import ALL, QUIET, end, pinned, ready
from run import HERE, WORK, Row, arguments, environment, free_port, total, venv, written_down

CAP = 40  # seconds since a program was started; whoever still tries then is "open"

ASK_PYTHON = """
import os, openai
openai.OpenAI().chat.completions.create(model=os.environ["MODEL"], messages=[{"role": "user", "content": "hello"}])
"""

PROGRAMS = ["openai-python", "claude", "codex", "aider"]
ANY = 10**6

# Calls and seconds until a program gave up, the best column that was measured for each answer, whatever header it bore
# (September 2026; Claude Code's probe, HEAD /, is no call and is taken off). ANY calls: it had no end within the 40 seconds.
BEST: Dict[str, Dict[str, Tuple[int, float]]] = {
    "401": {"openai-python": (1, 0), "claude": (1, 1.5), "codex": (6, 7), "aider": (1, 0)},
    "402": {"openai-python": (1, 0), "claude": (1, 0), "codex": (6, 7), "aider": (ANY, CAP)},
    "403": {"openai-python": (1, 0), "claude": (1, 0), "codex": (6, 7), "aider": (ANY, CAP)},
    "404": {"openai-python": (1, 0), "claude": (2, 1.3), "codex": (1, 0), "aider": (1, 0)},
    "429 soon": {"openai-python": (3, 3.4), "claude": (7, CAP), "codex": (6, 5), "aider": (21, CAP)},
    "429 late": {"openai-python": (1, 0), "claude": (1, 2.2), "codex": (1, 0.4), "aider": (8, CAP)},
    "503": {"openai-python": (1, 0), "claude": (7, CAP), "codex": (30, 25), "aider": (8, CAP)},
}
# Where a program has no end, the figure says how many calls fit into the 40 seconds. aider doubles its waits from a quarter of a second,
# whatever is answered: seven calls in 16 seconds, the eighth 16 seconds later. Of two such rows one was measured as 7 ("503") and one as
# 8 ("429 late"), by how long aider took to start that time; it is one behaviour, and 8 stands for both.
# A program ends a moment after it has given up, and on a busy computer a long one.
SLACK = 2.5


class Vendor(http.server.BaseHTTPRequestHandler):
    """A vendor that has one answer, by the model that is asked for: `m-402` gets 402, and `m-never` gets none."""

    protocol_version = "HTTP/1.1"
    holds = threading.Event()  # a call that gets no answer is here

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        word = str(body.get("model", "")).rpartition("-")[2]
        if word == "never":
            self.holds.set()
            self.rfile.read(1)  # until the gateway goes
            return
        status = int(word or 500)
        told = {"error": {"message": f"the vendor says {status}", "type": "vendor_error", "code": None}}
        text = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@dataclass(frozen=True)
class Case:
    """A refusal of ours, and what brings it about."""

    name: str
    status: int  # what the program must meet
    what: str
    model: str = "200"
    key: str = "usual"
    passes: bool = False  # no key is asked for, and the caller's own goes to the vendor


CASES = [
    Case("401", 401, "a key that is nobody's", key="nobodys"),
    Case("402", 429, "the vendor wants money of us (insufficient_quota)", model="402"),
    Case("403", 403, "the vendor's own, for the caller's own key: ours is for web pages only", model="403", key="theirs", passes=True),
    Case("404", 404, "a model nobody has", model="gone"),
    Case("429 soon", 429, "a limit of the key, said to be free in a second and held by somebody else all the time", key="soon"),
    Case("429 late", 429, "a limit of the key, free in an hour", key="late"),
    Case("503", 503, "the breaker of the one place is open (no_healthy_target)", model="503"),
]
KEYS = {name: f"sk-{name}-0123456789abcdefghijklmnopqrstu" for name in ("usual", "nobodys", "soon", "late", "theirs")}


class Gateway:
    """The program under test, with keys, limits, and a vendor in two languages."""

    def __init__(self, binary: str, vendor: str, home: Path, case: Case):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.access = home / "access.log"
        self.others: Set[str] = set()
        self.holding: Optional[threading.Thread] = None
        config = home / "gateway.yaml"
        credential = "credential: passthrough" if case.passes else "api_key: sk-upstream-0123456789"
        models = ", ".join(f"{kind}-{status}" for kind in ("m", "claude") for status in (200, 402, 403, 503, "never"))
        config.write_text(
            f'server: {{listen: "127.0.0.1:{port}"}}\n'
            "discovery: {enabled: never}\n"
            f"auth: {{mode: {'none' if case.passes else 'keys'}}}\n"
            "keys:\n"
            f"  usual: {{key: {KEYS['usual']}}}\n"
            f"  soon: {{key: {KEYS['soon']}, limits: {{concurrency: 1}}}}\n"
            f"  late: {{key: {KEYS['late']}, limits: {{requests: 1/h}}}}\n"
            "providers:\n"
            f'  vendor: {{type: xai, base_url: "{vendor}/v1", models: [{models}], {credential}}}\n'
            "routing: {unknown_model: error}\n"
            f"logging: {{access_log: json, access_log_file: {self.access}}}\n"
        )
        self.log = (home / "gateway.log").open("w")
        command = [binary, "serve", "--config", str(config)]
        self.process = subprocess.Popen(command, env=environment(home / "gateway"), cwd=home, stdout=self.log, stderr=subprocess.STDOUT)
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{self.url}/readyz", timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        sys.exit(f"the gateway did not become ready, see {self.log.name}")

    def still_holds(self) -> bool:
        """Whether a call that was to last has not ended."""
        return self.holding is None or self.holding.is_alive()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(15)
        self.log.close()

    def hold(self, model: str, key: str) -> None:
        """A call of somebody else that lasts as long as this gateway does: it is under way when this returns."""
        Vendor.holds.clear()
        self.holding = threading.Thread(target=self.ask, args=(model, key, None), daemon=True)
        self.holding.start()
        if not Vendor.holds.wait(10):
            sys.exit(f"the call that is to hold the limit did not reach the vendor, see {self.log.name}")

    def ask(self, model: str, key: str, seconds: Optional[float] = 5) -> None:
        """A call of somebody else, which is not counted."""
        mark = f"others-{len(self.others)}"
        self.others.add(mark)
        path = "messages" if model.startswith("claude") else "chat/completions"
        body = {"model": model, "max_tokens": 5, "messages": [{"role": "user", "content": "somebody else"}]}
        head = {"content-type": "application/json", "authorization": f"Bearer {key}", "x-request-id": mark}
        try:
            urllib.request.urlopen(urllib.request.Request(f"{self.url}/v1/{path}", json.dumps(body).encode(), head), timeout=seconds).close()
        except urllib.error.HTTPError as refusal:
            refusal.close()
        except OSError:
            if seconds is not None:
                raise  # else the gateway was stopped under it, as it was to be

    def calls(self) -> List[dict]:
        """What the access log has."""
        if not self.access.exists():
            return []
        lines = [json.loads(line) for line in self.access.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("method") == "POST" and line["id"] not in self.others]

    def all_calls(self) -> List[dict]:
        """What the access log has when the last call is in it."""
        last = written_down(self.url, self.access)
        return [call for call in self.calls() if call["id"] != last]


@dataclass
class Given:
    """How a program gave up."""

    calls: int
    seconds: float  # from its first call to its end
    open: bool  # it had not ended
    statuses: List[int]
    said: str


def try_out(binary: str, folder: Path, program: str, case: Case, vendor: str) -> Given:
    home = WORK / "giving-up" / f"{program}-{case.name.replace(' ', '-')}"
    shutil.rmtree(home, ignore_errors=True)
    (home / "work").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", str(home / "work")], check=True)
    gateway = Gateway(binary, vendor, home, case)
    model = f"{'claude' if program == 'claude' else 'm'}-{case.model}"
    key = KEYS[case.key]
    for _ in range({"503": 6, "429 late": 1}.get(case.name, 0)):
        gateway.ask(model, key)
    try:
        if case.name == "429 soon":
            gateway.hold(f"{model.rpartition('-')[0]}-never", key)
        given = watch(gateway, command(binary, program, model, gateway.url), home, folder, (key, model))
        if not gateway.still_holds():
            sys.exit(f"the call that was to hold the limit has ended, see {home}")
        return given
    finally:
        gateway.stop()


def command(binary: str, program: str, model: str, url: str) -> List[str]:
    if program == "openai-python":
        return [str(venv("clients") / "bin/python"), "-c", ASK_PYTHON]
    tool = next(tool for tool in ALL if tool.word == program)
    return [binary, "launch", program, "--url", url, "--model", model, "--", *tool.arguments]


def watch(gateway: Gateway, words: List[str], home: Path, folder: Path, asked: Tuple[str, str]) -> Given:
    """Runs it to its end or for as long as the cap. Its first call is seen in the log of the gateway, which is looked at all the time."""
    key, model = asked
    path = f"{folder}:{environment(home)['PATH']}"
    session = Path(tempfile.mkdtemp(prefix=".giving-up-", dir=Path.home()))
    env = environment(home, PATH=path, XDG_RUNTIME_DIR=str(session), OPENAI_API_KEY=key, OPENAI_PROXY_KEY=key, OPENAI_BASE_URL=f"{gateway.url}/v1", MODEL=model, **QUIET)
    out = (home / "said.log").open("w")
    process = subprocess.Popen(words, env=env, cwd=home / "work", stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    began: Optional[float] = None
    limit = time.monotonic() + CAP
    try:
        while process.poll() is None and time.monotonic() < limit:
            if began is None and gateway.calls():
                began = time.monotonic()
            time.sleep(0.02)
        seconds = time.monotonic() - began if began else 0.0
        still = process.poll() is None
    finally:
        end(process)
        out.close()
        shutil.rmtree(session, ignore_errors=True)
    calls = gateway.all_calls()
    said = " ".join((home / "said.log").read_text(errors="replace").split())
    return Given(len(calls), seconds, still, sorted({call["status"] for call in calls}), said[-160:])


def judge(program: str, case: Case, given: Given, known: str) -> Row:
    calls, seconds = BEST[case.name][program]
    worse = given.calls > calls or given.seconds > min(seconds + SLACK, CAP + SLACK)
    other = case.status not in given.statuses  # it never met what it is judged for
    told = lambda calls, seconds: f"{'any' if calls == ANY else calls} in {'open' if seconds >= CAP else f'{seconds:.1f} s'}"
    detail = f"{told(given.calls, given.seconds)}, best {told(calls, seconds)}, {given.statuses}"
    if worse or other:
        detail += f": {given.said}"
    return Row(program, known, case.name, not worse and not other, detail)


def main() -> int:
    asked = arguments(__doc__, only=PROGRAMS, case=[case.name for case in CASES]).parse_args()
    folder = ready(asked.binary, asked.python)
    vendor = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    threading.Thread(target=vendor.serve_forever, daemon=True).start()
    rows: List[Row] = []
    for program in (word for word in PROGRAMS if not asked.only or word in asked.only):
        tool = next((tool for tool in ALL if tool.word == program), None)
        known = pinned(tool) if tool else pinned_sdk()
        for case in (case for case in CASES if not asked.case or case.name in asked.case):
            given = try_out(asked.binary, folder, program, case, f"http://127.0.0.1:{vendor.server_port}")
            rows.append(judge(program, case, given, known))
            print(f"{program} {case.name}: {rows[-1].detail}", file=sys.stderr)
    return total(rows)


def pinned_sdk() -> str:
    lines = (HERE / "requirements.txt").read_text().splitlines()
    return next((line.partition("==")[2].split()[0] for line in lines if line.startswith("openai==")), "-")


if __name__ == "__main__":
    sys.exit(main())
