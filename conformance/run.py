#!/usr/bin/env python3
"""Runs official clients against the gateway, with a judge in the vendor's place. See README.md."""
from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from vendor import Vendor

HERE = Path(__file__).resolve().parent
WORK = HERE / ".work"
UPSTREAM_KEY = "sk-upstream-secret"
CALLER_KEY = "sk-caller-0f3d"
CLIENT_LIMIT = 180  # seconds for all cases of one client
READY_LIMIT = 20  # seconds for the gateway to say it is ready


@dataclass(frozen=True)
class Client:
    """One client: the script with its cases, and which environment runs it."""

    name: str
    runtime: str  # a virtual environment under .work, or "node"
    script: str

    def command(self) -> List[str]:
        program = "node" if self.runtime == "node" else str(venv(self.runtime) / "bin/python")
        return [program, str(HERE / self.script)]


CLIENTS = [
    Client("openai-python", "clients", "python/openai_client.py"),
    Client("openai-node", "node", "node/openai_client.mjs"),
    Client("langchain-openai", "clients", "python/langchain_client.py"),
    Client("openai-agents-python", "clients", "python/agents_client.py"),
    Client("openai-agents-node", "node", "node/agents_client.mjs"),
    Client("ai-sdk", "node", "node/ai_sdk_client.mjs"),
    Client("llm", "clients", "python/llm_client.py"),
    Client("aider", "aider", "python/aider_client.py"),
]
LOCKS = {
    "clients": "requirements.txt",
    "aider": "requirements-aider.txt",
    "schemathesis": "requirements-schemathesis.txt",
    "node": "package-lock.json",
}


@dataclass
class Row:
    client: str
    version: str
    case: str
    ok: bool
    detail: str


# installing


def venv(runtime: str) -> Path:
    return WORK / f"venv-{runtime}"


def install(runtime: str, python: str) -> None:
    """Brings an environment to its lock file, unless its stamp says it is there already."""
    lock = (HERE / LOCKS[runtime]).read_bytes()
    wanted = hashlib.sha256(lock + (b"" if runtime == "node" else python.encode())).hexdigest()
    stamp = WORK / f"{runtime}.stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"installing {LOCKS[runtime]}", file=sys.stderr)
    if runtime == "node":
        step(["npm", "ci", "--no-fund", "--no-audit", "--ignore-scripts", "--loglevel=error"])
    else:
        shutil.rmtree(venv(runtime), ignore_errors=True)
        step([python, "-m", "venv", str(venv(runtime))])
        step([str(venv(runtime) / "bin/pip"), "install", "--quiet", "--requirement", str(HERE / LOCKS[runtime])])
    stamp.write_text(wanted)


def step(command: List[str]) -> None:
    done = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}")


# the gateway


class Gateway:
    """The program under test, configured with the judge as its only vendor."""

    def __init__(self, binary: str, vendor: Vendor):
        port = free_port()
        self.version = version(binary)
        self.url = f"http://127.0.0.1:{port}"
        home = WORK / "gateway"
        shutil.rmtree(home, ignore_errors=True)  # nothing remembered from an earlier run
        home.mkdir()
        config = home / "config.yaml"
        # Every client asks for a stream that fails: together they would open the breaker, and the later ones be refused.
        breaker = "breaker: {min_requests: 1000000}"
        config.write_text(
            f'server: {{listen: "127.0.0.1:{port}"}}\n'
            "discovery: {enabled: never}\n"
            "providers:\n"
            f'  openai: {{base_url: "{vendor.url}/v1", api_key: {UPSTREAM_KEY}, {breaker}}}\n'
            "models:\n"
            "  alias-model: openai/gpt-4o-mini\n"
        )
        self.log = WORK / "gateway.log"
        command = [binary, "serve", "--config", str(config)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment(home), cwd=home, stdout=log, stderr=subprocess.STDOUT)
        self._wait()

    def _wait(self) -> None:
        for _ in range(READY_LIMIT * 20):
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        self.stop()
        sys.exit(f"the gateway did not become ready:\n{self.log.read_text(errors='replace')}")

    def alive(self) -> Row:
        code = self.process.poll()
        return Row("gateway", self.version, "alive", code is None, "" if code is None else f"exit {code}, see {self.log}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def version(binary: str) -> str:
    """The last word of `--version`."""
    try:
        said = subprocess.run([binary, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=10)
    except OSError as error:
        sys.exit(f"{binary}: {error.strerror}")
    return said.stdout.split()[-1] if said.returncode == 0 and said.stdout.strip() else "-"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(home: Path, **extra: str) -> Dict[str, str]:
    """A bare environment: no proxy and no key of the person at the keyboard gets in."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {"LANG": "C.UTF-8", **kept, "HOME": str(home), "PYTHONUTF8": "1", **extra}


# the clients


def run_client(client: Client, vendor: Vendor, gateway: Optional[Gateway]) -> List[Row]:
    base = f"{gateway.url if gateway else vendor.url}/v1"
    direct = "" if gateway else "1"
    env = environment(WORK / "home", BASE_URL=base, API_KEY=CALLER_KEY, JUDGE_URL=vendor.url, DIRECT=direct)
    if gateway:
        env["GATEWAY_PID"] = str(gateway.process.pid)
    began = len(vendor.ledger)
    code, out, err = finish(client.command(), env)
    (WORK / f"{client.name}.log").write_text(out + err)
    rows = [Row(**json.loads(line)) for line in out.splitlines() if line.startswith('{"client"')]
    if code or not rows:
        last = (err.strip().splitlines() or ["no output"])[-1]
        rows.append(Row(client.name, "-", "script", False, f"exit {code}: {last}"))
    if gateway:
        rows.append(key_swap(client, rows[0].version, vendor, began))
    return rows


def finish(command: List[str], env: Dict[str, str]) -> Tuple[int, str, str]:
    """Runs a script to its end, or ends it and what it started: exit code, stdout, stderr."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=env, cwd=WORK, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    late = ""
    try:
        out, err = process.communicate(timeout=CLIENT_LIMIT)
    except subprocess.TimeoutExpired:
        late = f"\nno end within {CLIENT_LIMIT} s"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    if late:
        out, err = process.communicate()
    return process.returncode, out, err + late


def key_swap(client: Client, version: str, vendor: Vendor, began: int) -> Row:
    """Over all of a client's requests: the operator's key arrived, the caller's never did."""
    entries = vendor.ledger[began:]
    leaked = [entry.path for entry in entries if CALLER_KEY.encode() in entry.raw]
    other = [entry.path for entry in entries if entry.headers.get("authorization") != f"Bearer {UPSTREAM_KEY}"]
    ok = bool(entries) and not leaked and not other
    detail = f"{len(entries)} requests" if ok else f"caller's key seen at {leaked[:3]}, not the operator's at {other[:3]}"
    return Row(client.name, version, "key-swap", ok, detail)


def table(rows: List[Row]) -> None:
    heads = Row("client", "version", "case", True, "detail")
    widths = [max(len(getattr(row, name)) for row in [heads, *rows]) for name in ("client", "version", "case")]
    for row in [heads, *rows]:
        cells = [cell.ljust(width) for cell, width in zip((row.client, row.version, row.case), widths)]
        result = "result" if row is heads else "pass" if row.ok else "FAIL"
        detail = " ".join(str(row.detail).split())[:400 if not row.ok else 80]
        print(" | ".join([*cells, result.ljust(6), detail]).rstrip(" |"))


def written_down(url: str, access: Path) -> str:
    """Waits until the access log has all that was called so far: one more call comes behind it, whose id this gives."""
    asked = urllib.request.Request(f"{url}/v1/chat/completions", b"{}", {"content-type": "application/json"})
    try:
        answer = urllib.request.urlopen(asked, timeout=5)
    except urllib.error.HTTPError as refusal:  # it names no model, and maybe no key is shown
        answer = refusal
    answer.close()
    last, limit = answer.headers["x-request-id"], time.monotonic() + 10
    while last not in access.read_text():
        if time.monotonic() > limit:
            sys.exit(f"{access} does not have the call {last}")
        time.sleep(0.02)
    return last


def total(rows: List[Row]) -> int:
    """Prints them and their sum. What a suite ends with: 0 if all is well."""
    table(rows)
    failed = sum(not row.ok for row in rows)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


def arguments(does: str, **choices: List[str]) -> argparse.ArgumentParser:
    """What every suite can be told: the program to judge, and `--only` (or another word of `choices`) for a part of it."""
    parser = argparse.ArgumentParser(description=does)
    parser.add_argument("--binary", default=str(HERE.parent / "target/release/openai-proxy"), type=os.path.abspath, help="the program to judge")
    parser.add_argument("--python", default=sys.executable, help="interpreter for what comes from PyPI, 3.10 to 3.12")
    for word, known in choices.items():
        parser.add_argument(f"--{word}", action="append", choices=known, metavar="NAME", help=f"one of {', '.join(known)}; repeatable")
    return parser


def main() -> int:
    parser = arguments(__doc__, only=[client.name for client in CLIENTS])
    parser.add_argument("--direct", action="store_true", help="clients call the judge itself, without a gateway")
    asked = parser.parse_args()
    clients = [client for client in CLIENTS if not asked.only or client.name in asked.only]
    WORK.mkdir(exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda runtime: install(runtime, asked.python), sorted({client.runtime for client in clients})))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    vendor = Vendor()
    gateway = None if asked.direct else Gateway(asked.binary, vendor)
    rows: List[Row] = []
    try:
        for client in clients:
            began = time.monotonic()
            rows += run_client(client, vendor, gateway)
            print(f"{client.name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
        if gateway:
            rows.append(gateway.alive())
    finally:
        if gateway:
            gateway.stop()
    return total(rows)


if __name__ == "__main__":
    sys.exit(main())
