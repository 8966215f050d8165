#!/usr/bin/env python3
"""Runs the tools people work with through `launch`, and with the settings it writes. See README.md."""
from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

from run import HERE, WORK, Row, arguments, environment, free_port, install, step, total, venv, version

TOOLS = HERE / "tools"
SAY = "mock/say?text=huge+manatees"
ANSWER = "huge manatees"
LIMIT = 90  # seconds for one run of one tool


@dataclass(frozen=True)
class Tool:
    """One tool: where it comes from, how it is asked once, and what a person may have in its files already."""

    word: str
    program: str
    package: str
    arguments: List[str]  # one question, no dialogue
    files: Dict[str, str]  # what is in the home before, in the form the tool itself would write
    written: List[str] = field(default_factory=list)  # what --config writes
    model: str = SAY  # the mock's model
    later: Optional[List[str]] = None  # arguments when its own file has the settings
    runtime: str = "node"
    operation: str = "chat"  # what it asks for


# Tools that report home or look for a newer one are asked not to.
QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "AIDER_ANALYTICS": "false",
    "AIDER_CHECK_UPDATE": "false",
    "CONTINUE_TELEMETRY_ENABLED": "0",
}

ELSEWHERE = "http://127.0.0.1:1"  # where nobody answers: settings that must lose

CLAUDE = json.dumps({"model": "opus", "env": {"ANTHROPIC_BASE_URL": ELSEWHERE, "KEPT": "yes"}}, indent=2) + "\n"
CODEX = f"""# mine
model = "gpt-5" # big
model_provider = "theirs"

[model_providers.theirs]
name = "theirs"
base_url = "{ELSEWHERE}/v1"
"""
GEMINI = json.dumps({"security": {"auth": {"selectedType": "oauth-personal"}}, "ui": {"theme": "Default"}}, indent=2) + "\n"
OPENCODE = """{
  "$schema": "https://opencode.ai/config.json",
  // mine
  "model": "theirs/gpt-5",
  "provider": {
    "theirs": {"npm": "@ai-sdk/openai-compatible", "options": {"baseURL": "http://127.0.0.1:1/v1"}, "models": {"gpt-5": {}}}
  }
}
"""
AIDER = f"# mine\nmodel: openai/gpt-5 # big\nopenai-api-base: {ELSEWHERE}/v1\nanalytics: false\n"
CONTINUE = f"""name: mine # so
version: 1.0.0
schema: v1
models:
  # the big one
  - name: theirs
    provider: openai
    model: gpt-5
    apiBase: {ELSEWHERE}/v1
    apiKey: none
    roles: [chat]
"""
QWEN = json.dumps({"security": {"auth": {"selectedType": "qwen-oauth"}}, "model": {"name": "theirs"}, "$version": 4}, indent=2)
LLM = f"# mine\n- model_id: theirs\n  model_name: gpt-5\n  api_base: {ELSEWHERE}/v1\n"

ALL = [
    Tool("claude", "claude", "@anthropic-ai/claude-code", ["-p", "hello"], {".claude/settings.json": CLAUDE}, [".claude/settings.json"],
         operation="messages"),
    Tool("codex", "codex", "@openai/codex", ["exec", "--skip-git-repo-check", "hello"], {".codex/config.toml": CODEX}, [".codex/config.toml"],
         operation="responses"),
    # Its model's name becomes part of an address, where a question mark ends the path: the echo has none.
    Tool("gemini", "gemini", "@google/gemini-cli", ["--skip-trust", "-p", ANSWER], {".gemini/settings.json": GEMINI},
         [".gemini/settings.json", ".gemini/.env"], model="mock/echo", operation="generate"),
    Tool("opencode", "opencode", "opencode-ai", ["run", "hello"], {".config/opencode/opencode.json": OPENCODE}, [".config/opencode/opencode.json"]),
    Tool("aider", "aider", "aider-chat", ["--yes-always", "--no-git", "--message", "hello"], {".aider.conf.yml": AIDER}, [".aider.conf.yml"],
         runtime="aider"),
    Tool("continue", "cn", "@continuedev/cli", ["-p", "hello"], {".continue/config.yaml": CONTINUE}, [".continue/config.yaml"]),
    Tool("qwen", "qwen", "@qwen-code/qwen-code", ["-p", "hello"], {".qwen/settings.json": QWEN}, [".qwen/settings.json"]),
    Tool("llm", "llm", "llm", ["hello"], {".config/io.datasette.llm/extra-openai-models.yaml": LLM},
         [".config/io.datasette.llm/extra-openai-models.yaml"], later=["-m", SAY, "hello"], runtime="clients"),
    Tool("copilot", "copilot", "@github/copilot", ["-p", "hello"], {}),
]


# installing


def install_tools() -> None:
    """The tools from npm, without their install scripts: two of them only copy a program that is there already."""
    wanted = hashlib.sha256((TOOLS / "package-lock.json").read_bytes()).hexdigest()
    stamp = WORK / "tools.stamp"
    if not (stamp.exists() and stamp.read_text() == wanted):
        print("installing tools/package-lock.json", file=sys.stderr)
        # Not `npm ci`: it insists on the packages of other systems, which not every mirror of the registry carries.
        step(["npm", "install", "--no-save", "--prefix", str(TOOLS), "--no-fund", "--no-audit", "--ignore-scripts", "--loglevel=error"])
        stamp.write_text(wanted)


def ready(binary: str, python: str) -> Path:
    """All there is to judge and to judge with. Gives the folder of the tools."""
    WORK.mkdir(exist_ok=True)
    version(binary)
    install_tools()
    for runtime in ("clients", "aider"):
        install(runtime, python)
    return programs()


def programs() -> Path:
    """A folder for the search path with all tools in it and nothing else."""
    folder = WORK / "tools"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    arch = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
    kind = f"{sys.platform}-{arch}"
    modules = TOOLS / "node_modules"
    # What their install scripts would have put in place.
    native = {
        "claude": modules / f"@anthropic-ai/claude-code-{kind}/claude",
        "opencode": modules / f"opencode-{kind}/bin/opencode",
    }
    for tool in ALL:
        usual = modules / ".bin" if tool.runtime == "node" else venv(tool.runtime) / "bin"
        (folder / tool.program).symlink_to(native.get(tool.program, usual / tool.program))
    return folder


def pinned(tool: Tool) -> str:
    """The version the lock files name."""
    if tool.runtime == "node":
        lock = json.loads((TOOLS / "package-lock.json").read_text())
        return lock["packages"][f"node_modules/{tool.package}"]["version"]
    text = (HERE / {"aider": "requirements-aider.txt", "clients": "requirements.txt"}[tool.runtime]).read_text()
    found = re.search(rf"^{re.escape(tool.package)}==(\S+)$", text, re.MULTILINE)
    return found.group(1) if found else "-"


# one tool


class Bench:
    """A home as a person may have it, a gateway without any setting, and one tool between them."""

    suite = "launch"  # whose homes and logs these are

    def __init__(self, binary: str, tool: Tool, folder: Path, case: str = ""):
        self.binary, self.tool = binary, tool
        self.home = WORK / self.suite / (case or tool.word)
        shutil.rmtree(self.home, ignore_errors=True)
        (self.home / "work").mkdir(parents=True)
        # A project of its own: tools look for one upwards, and would find ours.
        subprocess.run(["git", "init", "--quiet", str(self.home / "work")], check=True)
        for name, text in tool.files.items():
            file = self.home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.temp = Path(tempfile.mkdtemp(prefix="launch-"))
        # As a session has one: not below a folder that others may write to, which the checkout may be.
        self.session = Path(tempfile.mkdtemp(prefix=".launch-", dir=Path.home()))
        path = f"{folder}:{environment(self.home)['PATH']}"
        self.env = environment(self.home, PATH=path, TMPDIR=str(self.temp), XDG_RUNTIME_DIR=str(self.session), **QUIET)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = (WORK / f"{self.suite}-{case or tool.word}.log").open("w")
        self.gateway = subprocess.Popen(self.served(), env=self.env, cwd=self.home, stdout=self.log, stderr=subprocess.STDOUT)
        self.ours("status", wait=True)

    def served(self) -> List[str]:
        """The gateway's command. `serve` without a file would do the same, unless a server of the person at the keyboard runs here."""
        return [self.binary, "mock", "--listen", f"127.0.0.1:{self.port}"]

    def close(self) -> None:
        self.gateway.terminate()
        self.gateway.wait(15)
        self.log.close()
        shutil.rmtree(self.temp, ignore_errors=True)
        shutil.rmtree(self.session, ignore_errors=True)

    def run(self, command: List[str]) -> Tuple[int, str]:
        """A command to its end, or ended with all it started."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=self.env, cwd=self.home / "work", stdin=subprocess.DEVNULL, stdout=pipe, stderr=subprocess.STDOUT,
                                   text=True, errors="replace", start_new_session=True)
        try:
            out, _ = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            end(process)
            out = process.communicate()[0] + f"\nno end within {LIMIT} s"
        finally:
            end(process)  # and whatever it left running
        print(f"$ {' '.join(command)}\n{out}\n= {process.returncode}", file=self.log, flush=True)
        return process.returncode, out

    def ours(self, *words: str, wait: bool = False) -> Tuple[int, str]:
        """A command of ours; with `wait`, until it succeeds."""
        for _ in range(100 if wait else 1):
            done = self.run([self.binary, *words, "--url", self.url])
            if done[0] == 0:
                break
            time.sleep(0.1)
        return done

    def launch(self, *words: str) -> Tuple[int, str]:
        flags, dash, own = list(words), [], []
        if "--" in flags:
            at = flags.index("--")
            flags, dash, own = flags[:at], ["--"], flags[at + 1 :]
        return self.run([self.binary, "launch", self.tool.word, "--url", self.url, *flags, *dash, *own])

    def answered(self, operation: str) -> int:
        """How many calls of an operation the gateway has answered with success."""
        time.sleep(0.1)  # a call is counted a moment after its last byte
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=5) as page:
            text = page.read().decode()
        line = rf'^openai_proxy_requests_total{{operation="{operation}",[^}}]*status_class="2xx"}} (\d+)'
        return sum(int(count) for count in re.findall(line, text, re.MULTILINE))

    def untouched(self) -> str:
        """What is wrong with the files that were there before; empty if nothing is."""
        wrong = [name for name, text in self.tool.files.items() if not (self.home / name).exists() or (self.home / name).read_text() != text]
        wrong += [name for name in self.tool.written if name not in self.tool.files and (self.home / name).exists()]
        # A tool's own children may keep files open in there for a moment; ours bear our name.
        left = [str(place) for base in (self.temp, self.session, self.home / ".local/state/openai-proxy") for place in base.glob("openai-proxy-*") if place.is_dir()]
        return " ".join([*wrong, *left])


def end(process: "subprocess.Popen[str]") -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def judge(bench: Bench) -> List[Row]:
    tool = bench.tool
    rows: List[Row] = []
    known = pinned(tool)

    def case(name: str, wrong: str, detail: str = "") -> None:
        rows.append(Row(f"launch {tool.word}", known, name, not wrong, wrong or detail))

    def heard(run: Callable[[], Tuple[int, str]]) -> Tuple[str, str]:
        """The answer was printed, and it was the gateway that gave it."""
        began, before = time.monotonic(), bench.answered(tool.operation)
        code, out = run()
        took, calls = time.monotonic() - began, bench.answered(tool.operation) - before
        ok = code == 0 and ANSWER in out and calls > 0
        wrong = "" if ok else f"exit {code}, {calls} answers: {out.strip()[-300:]}"
        return wrong, f"{calls} {tool.operation}, {took:.1f} s"

    case("launch", *heard(lambda: bench.launch("--model", tool.model, "--", *tool.arguments)))
    case("disk", bench.untouched(), "as before")
    shown = bench.run([bench.binary, "connect", tool.word, "--url", bench.url, "--model", tool.model])
    case("connect", "" if shown[0] == 0 and bench.url in shown[1] else shown[1])
    if not tool.written:
        code, out = bench.launch("--model", tool.model, "--config", "--yes")
        case("config", "" if code == 5 and bench.url in out else f"exit {code}: {out}", "has no file; the snippet is printed")
        return rows
    code, out = bench.launch("--model", tool.model, "--config")
    case("config-asks", (bench.untouched() or "") if code == 5 else f"exit {code}: {out}", "writes nothing without a yes")
    code, out = bench.launch("--model", tool.model, "--config", "--yes")
    case("config", "" if code == 0 else f"exit {code}: {out}")
    case("by-itself", *heard(lambda: bench.run([tool.program, *(tool.later or tool.arguments)])))
    code, out = bench.launch("--restore")
    edited = code == 5
    if edited:  # the tool itself has written to its file since
        code, out = bench.launch("--restore", "--yes")
    wrong = f"exit {code}: {out}" if code else bench.untouched()
    case("restore", wrong, "as before; the tool had rewritten its file, so --yes was needed" if edited else "as before")
    return rows


def main() -> int:
    asked = arguments(__doc__, only=[tool.word for tool in ALL]).parse_args()
    folder = ready(asked.binary, asked.python)
    rows: List[Row] = []
    for tool in (tool for tool in ALL if not asked.only or tool.word in asked.only):
        began = time.monotonic()
        bench = Bench(asked.binary, tool, folder)
        try:
            rows += judge(bench)
        finally:
            bench.close()
        print(f"launch {tool.word}: {time.monotonic() - began:.1f} s", file=sys.stderr)
    return total(rows)


if __name__ == "__main__":
    sys.exit(main())
