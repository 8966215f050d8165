#!/usr/bin/env python3
"""Runs the official SDKs of every door against the vendor of every wire, through one gateway. See README.md."""
from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Optional

from run import CALLER_KEY, WORK, Client, Gateway, Row, environment, finish, free_port, install, table, version
from wires import ALL
from wires.base import Entry, Vendor

SIGNER_KEY = "sk-signer-0123456789abcdefghijklmnopqrst"
# The wire each one speaks by itself: with --direct it calls that vendor.
OWN = {
    "openai-python": "chat",
    "openai-node": "chat",
    "anthropic-python": "messages",
    "anthropic-node": "messages",
    "google-genai-python": "gemini",
    "google-genai-node": "gemini",
    "boto3": "converse",
    "cohere": "cohere",
    "ollama": "ollama",
}
CLIENTS = [
    Client("openai-python", "clients", "python/openai_languages.py"),
    Client("openai-node", "node", "node/openai_languages.mjs"),
    Client("anthropic-python", "clients", "python/anthropic_client.py"),
    Client("anthropic-node", "node", "node/anthropic_client.mjs"),
    Client("google-genai-python", "clients", "python/genai_client.py"),
    Client("google-genai-node", "node", "node/genai_client.mjs"),
    Client("boto3", "clients", "python/boto3_client.py"),
    Client("cohere", "clients", "python/cohere_client.py"),
    Client("ollama", "clients", "python/ollama_client.py"),
]


class House(Gateway):
    """The program under test, with a provider and a model for each of the vendors."""

    def __init__(self, binary: str, vendors: List[Vendor]):
        port = free_port()
        self.version = version(binary)
        self.url = f"http://127.0.0.1:{port}"
        home = WORK / "languages"
        shutil.rmtree(home, ignore_errors=True)  # nothing remembered from an earlier run
        home.mkdir()
        config = home / "config.yaml"
        lines = [f'server: {{listen: "127.0.0.1:{port}"}}', "discovery: {enabled: never}", "providers:"]
        for vendor in vendors:
            # Streams that fail on purpose open no breaker, and a limit that is free again soon is not waited for.
            habits = "breaker: {min_requests: 1000000}, retry_after_max: 0s"
            models = f'models: ["{vendor.model}"]'
            lines.append(f'  {vendor.word}: {{type: {vendor.kind}, base_url: "{vendor.base_url}", api_key: {vendor.key}, {models}, {habits}}}')
        lines.append("models:")
        lines += [f'  to-{vendor.word}: "{vendor.word}/{vendor.model}"' for vendor in vendors]
        # Nobody is asked for a key, and who signs with what belongs to this one is it.
        lines += ["auth: {mode: none}", "keys:", f"  signer: {{key: {SIGNER_KEY}}}"]
        config.write_text("\n".join(lines) + "\n")
        self.log = WORK / "languages.log"
        with self.log.open("wb") as log:
            command = [binary, "serve", "--config", str(config)]
            self.process = subprocess.Popen(command, env=environment(home), cwd=home, stdout=log, stderr=subprocess.STDOUT)
        self._wait()
        self.aws = self._aws(binary, home)

    def _aws(self, binary: str, home: Path) -> Dict[str, str]:
        """What AWS's SDK takes from its environment, as the program itself prints it."""
        command = [binary, "keys", "aws", "signer", "--json", "--url", self.url]
        done = subprocess.run(command, env=environment(home), cwd=home, capture_output=True, text=True)
        if done.returncode:
            self.stop()
            sys.exit(f"what belongs to a key was not shown:\n{done.stderr}")
        return json.loads(done.stdout)


def aws_of(vendor: Vendor) -> Dict[str, str]:
    """The same for a vendor that is called itself."""
    return {"AWS_ACCESS_KEY_ID": vendor.key, "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": vendor.base_url.removesuffix(vendor.base)}


def run_client(client: Client, vendor: Vendor, gateway: Optional[House]) -> List[Row]:
    """One client's cases with one vendor behind, and whose keys that vendor was shown."""
    base = gateway.url if gateway else vendor.base_url.removesuffix(vendor.base)
    key, model = (CALLER_KEY, f"to-{vendor.word}") if gateway else (vendor.key, vendor.model)
    aws = gateway.aws if gateway else aws_of(vendor)
    env = environment(WORK / "home", BASE_URL=base, API_KEY=key, MODEL=model, VENDOR=vendor.word, DIRECT="" if gateway else "1", **aws)
    began = len(vendor.ledger)
    code, out, err = finish(client.command(), env)
    name = f"languages-{client.name}-{vendor.word}"
    (WORK / f"{name}.log").write_text(out + err)
    asked = vendor.ledger[began:]
    (WORK / f"{name}.jsonl").write_text("".join(line(entry) for entry in asked))
    rows = [Row(**json.loads(one)) for one in out.splitlines() if one.startswith('{"client"')]
    if code or not rows:
        last = (err.strip().splitlines() or ["no output"])[-1]
        rows.append(Row(client.name, "-", "script", False, f"exit {code}: {last}"))
    if gateway:
        rows.append(key_swap(client, rows[0].version, vendor, asked))
        if vendor.word == "gemini":
            rows.append(marks(client, rows[0].version, asked))
    for row in rows:
        row.case = f"{vendor.word}: {row.case}"
    return rows


def line(entry: Entry) -> str:
    told = {"path": entry.path, "body": entry.body, "status": entry.status, "answer": entry.answer}
    return json.dumps(told, ensure_ascii=False) + "\n"


def key_swap(client: Client, known: str, vendor: Vendor, asked: List[Entry]) -> Row:
    """Over all of a client's requests: the vendor's own key arrived, the caller's never did, and nobody else's."""
    told = [json.dumps([entry.path, entry.headers, entry.body]) for entry in asked]
    leaked = [entry.path for entry, text in zip(asked, told) if CALLER_KEY in text]
    without = [entry.path for entry, text in zip(asked, told) if vendor.key not in text and vendor.word != "ollama"]
    ok = bool(asked) and not leaked and not without
    detail = f"{len(asked)} requests" if ok else f"{len(asked)} requests, caller's key seen at {leaked[:3]}, not the vendor's at {without[:3]}"
    return Row(client.name, known, "key-swap", ok, detail)


# Who has a place for the mark of a call that was not thought about, and so must bring it back.
CARRIERS = ("openai-python", "openai-node", "google-genai-python", "google-genai-node")


def marks(client: Client, known: str, asked: List[Entry]) -> Row:
    """Calls come back with the mark they were given, and not with what may stand in for it."""
    without = sum(entry.unmarked for entry in asked)
    return Row(client.name, known, "marks", client.name not in CARRIERS or not without, f"{without} turns came back without their mark")


def matrix(rows: List[Row]) -> None:
    """How many cases of each client passed with each vendor."""
    names = list(dict.fromkeys(row.client for row in rows))
    for name in names:
        counts: Dict[str, List[int]] = {}
        for row in rows:
            if row.client == name:
                passed, of = counts.setdefault(row.case.partition(":")[0], [0, 0])
                counts[row.case.partition(":")[0]] = [passed + row.ok, of + 1]
        print(f"{name}: " + ", ".join(f"{word} {passed}/{of}" for word, (passed, of) in counts.items()))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).resolve().parent.parent / "target/release/openai-proxy"
    parser.add_argument("--binary", default=str(default), help="the gateway to judge")
    parser.add_argument("--only", metavar="CLIENT", action="append", choices=[client.name for client in CLIENTS], help="repeatable")
    parser.add_argument("--vendor", metavar="WIRE", action="append", choices=[kind.word for kind in ALL], help="repeatable")
    parser.add_argument("--direct", action="store_true", help="each client calls the vendor of its own wire, without a gateway")
    parser.add_argument("--python", default=sys.executable, help="interpreter for the clients, 3.10 to 3.12")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    clients = [client for client in CLIENTS if not asked.only or client.name in asked.only]
    WORK.mkdir(exist_ok=True)
    for runtime in sorted({client.runtime for client in clients}):
        install(runtime, asked.python)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    vendors = [kind() for kind in ALL if not asked.vendor or kind.word in asked.vendor]
    gateway = None if asked.direct else House(str(Path(asked.binary).resolve()), vendors)
    rows: List[Row] = []
    try:
        for client in clients:
            began = time.monotonic()
            for vendor in vendors:
                if gateway or OWN[client.name] == vendor.word:
                    rows += run_client(client, vendor, gateway)
            print(f"{client.name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
        if gateway:
            rows.append(gateway.alive())
    finally:
        if gateway:
            gateway.stop()
        for vendor in vendors:
            vendor.stop()
    table(rows)
    matrix([row for row in rows if row.client != "gateway"])
    failed = sum(not row.ok for row in rows)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
