#!/usr/bin/env python3
"""Asks the admin API what its own description says may be asked, and what may not. See README.md."""
from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from typing import List

from run import HERE, READY_LIMIT, WORK, Row, arguments, environment, free_port, install, total, venv

KEY = "an-admin-key-of-the-suite"
SECONDS = 90  # for one pass
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
]
# What stands in a path: whatever comes to mind, and what is there.
PASSES = {"any-name": "", "known-names": '[parameters]\n"path.name" = "one"\n"path.id" = "default"\n"path.number" = 1\n'}


class House:
    """A gateway with a provider that answers by itself, everything in memory."""

    def __init__(self, binary: str, name: str):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        home = WORK / f"admin-{name}"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        config = home / "config.yaml"
        config.write_text(
            f'server: {{listen: "127.0.0.1:{port}"}}\n'
            "discovery: {enabled: never}\n"
            "providers:\n  one: {type: mock}\n  two: {type: mock}\n"
            f"admin: {{api_key: {KEY}}}\n"
            "storage: {database: memory}\n"
        )
        config.chmod(0o600)
        self.log = home / "gateway.log"
        with self.log.open("wb") as log:
            command = [binary, "serve", "--config", str(config)]
            self.process = subprocess.Popen(command, env=environment(home), cwd=home, stdout=log, stderr=subprocess.STDOUT)
        for _ in range(READY_LIMIT * 20):
            try:
                urllib.request.urlopen(f"{self.url}/readyz", timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.process.kill()
        sys.exit(f"the gateway did not become ready:\n{self.log.read_text(errors='replace')}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def run(binary: str, name: str, settings: str) -> Row:
    """One pass of schemathesis over the description."""
    house = House(binary, name)
    try:
        home = WORK / f"admin-{name}"
        (home / "schemathesis.toml").write_text(settings)
        command = [
            str(venv("schemathesis") / "bin/schemathesis"),
            *("--config-file", str(home / "schemathesis.toml")),
            *("run", f"{house.url}/admin/openapi.json", "--header", f"X-Admin-API-Key: {KEY}"),
            *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", "25", "--max-time", str(SECONDS), "--request-timeout", "35"),
            *("--continue-on-failure", "--seed", "3", "--no-color"),
            # Of texts drawn at random few are a key's name: that is the generator's affair, not a defect of the API.
            *("--suppress-health-check", "filter_too_much"),
        ]
        pipe = subprocess.PIPE
        done = subprocess.run(command, env=environment(home), cwd=home, stdout=pipe, stderr=subprocess.STDOUT, text=True)
        (WORK / f"admin-{name}.log").write_text(done.stdout)
        cases = re.search(r"(\d+) generated", done.stdout)
        told = f"{cases.group(1)} requests" if cases else done.stdout[-300:]
        alive = house.process.poll() is None
        failures = re.search(r"Failures:\n(.*?)\n\n", done.stdout, re.DOTALL)
        ok = done.returncode == 0 and alive and cases is not None
        if not ok:
            why = failures.group(1) if failures else f"exit {done.returncode}"
            told += f": {' '.join(why.split())}, see {WORK / f'admin-{name}.log'}"
        return Row("schemathesis", installed(), name, ok, told if alive else "the gateway has ended")
    finally:
        house.stop()


def installed() -> str:
    lines = (HERE / "requirements-schemathesis.txt").read_text().splitlines()
    return next(line.split("==")[1] for line in lines if line.startswith("schemathesis=="))


def main() -> int:
    asked = arguments(__doc__).parse_args()
    WORK.mkdir(exist_ok=True)
    install("schemathesis", asked.python)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    rows: List[Row] = [run(asked.binary, name, settings) for name, settings in PASSES.items()]
    return total(rows)


if __name__ == "__main__":
    sys.exit(main())
