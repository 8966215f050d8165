#!/usr/bin/env python3
"""Agents edit a file through the gateway, with a model behind a wire that is not theirs. See README.md."""
from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Type

import launch
from launch import Bench, install_tools, pinned, programs
from run import HERE, WORK, Row, install, table, version, written_down
from wires import editor, script
from wires.base import Entry, Vendor
from wires.chat import Cerebras, Chat, Deepseek
from wires.cohere import Cohere
from wires.converse import Converse
from wires.editor import Mistral
from wires.gemini import Gemini
from wires.messages import Messages
from wires.ollama import Ollama

OLD, NEW = "hello", "grüß dich"
ASK = f"In greeting.txt, replace the word {OLD} by {NEW}. Change nothing else."
ALIAS = "the-model"  # a name nobody knows

# What each is asked: once, without a dialogue, and with the permission to edit.
ASKED: Dict[str, List[str]] = {
    "claude": ["-p", "--permission-mode", "acceptEdits", ASK],
    "codex": ["exec", "--sandbox", "danger-full-access", ASK],
    "gemini": ["--skip-trust", "--yolo", "-p", ASK],
    "opencode": ["run", ASK],
    "aider": ["--yes-always", "--edit-format", "diff", "--message", ASK, "greeting.txt"],
}
# The vendors it has to be translated for. Ollama has OpenAI's ways beside its own, and is held to have Responses.
FOREIGN: Dict[str, List[Type[Vendor]]] = {
    "claude": [Chat, Gemini, Converse, Cohere, Ollama],
    "codex": [Cerebras, Mistral, Messages, Gemini, Converse, Cohere],
    "gemini": [Chat, Messages, Converse, Cohere, Ollama],
    "opencode": [Messages, Gemini, Converse, Cohere],
    "aider": [Messages, Gemini, Converse, Cohere],
}


@dataclass(frozen=True)
class Case:
    """A tool, the vendor of its model, and the model's name for the tool."""

    tool: str
    kind: Type[Vendor]
    model: str = ALIAS

    @property
    def vendor(self) -> str:
        return self.kind.word if self.model == ALIAS else f"{self.kind.word}, {self.model}"

    @property
    def file(self) -> str:
        return f"{self.tool}-{self.vendor.replace(', ', '-')}"


CASES = [Case(tool, kind) for tool, kinds in FOREIGN.items() for kind in kinds]
# Codex has other tools for a model whose name it knows: a patch as free text, or all of them within the conversation.
CASES += [Case("codex", Gemini, "gpt-5.5"), Case("codex", Messages, "gpt-6.1-sol")]
# Claude Code asks for thoughts by an effort, and here they are wanted back with the calls.
CASES += [Case("claude", Deepseek, "claude-sonnet-4-5")]
CASES.sort(key=lambda case: list(ASKED).index(case.tool))


class Desk(Bench):
    """A folder with a file in it, a gateway with one vendor, and an agent between them."""

    suite = "edits"

    def __init__(self, binary: str, case: Case, folder: Path):
        tool = next(tool for tool in launch.ALL if tool.word == case.tool)
        self.case = case
        self.file = WORK / self.suite / case.file / "work/greeting.txt"
        self.vendor = editor.editor(case.kind, editor.Task(self.file, OLD, NEW))
        super().__init__(binary, dataclasses.replace(tool, arguments=ASKED[tool.word]), folder, case.file)
        self.file.write_text(f"{OLD}\n")
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "A greeting")

    def git(self, *words: str) -> None:
        who = ["-c", "user.name=A person", "-c", "user.email=person@example.org"]
        subprocess.run(["git", *who, *words], cwd=self.home / "work", env=self.env, check=True)

    def served(self) -> List[str]:
        vendor, self.access, config = self.vendor, self.home / "access.log", self.home / "gateway.yaml"
        config.write_text(
            f'server: {{listen: "127.0.0.1:{self.port}"}}\n'
            "discovery: {enabled: never}\n"
            "providers:\n"
            f'  {vendor.word}: {{type: {vendor.kind}, base_url: "{vendor.base_url}", api_key: {vendor.key}, models: ["{vendor.model}"]}}\n'
            "models:\n"
            f'  {self.case.model}: "{vendor.word}/{vendor.model}"\n'
            f"logging: {{access_log: json, access_log_file: {self.access}}}\n"
        )
        return [self.binary, "serve", "--config", str(config)]

    def close(self) -> None:
        super().close()
        self.vendor.stop()

    def booked(self) -> List[dict]:
        """What the access log has of the vendor's answers."""
        written_down(f"http://127.0.0.1:{self.port}", self.access)
        lines = [json.loads(line) for line in self.access.read_text().splitlines() if line.startswith("{")]
        wanted = (self.tool.operation, self.vendor.word, 200)
        return [line for line in lines if (line["operation"], line["provider"], line["status"]) == wanted]


def judge(desk: Desk) -> Row:
    began = time.monotonic()
    code, out = desk.launch("--model", desk.case.model, "--", *desk.tool.arguments)
    took, ledger = time.monotonic() - began, desk.vendor.ledger
    (WORK / f"edits-{desk.case.file}.jsonl").write_text("".join(map(line, ledger)))
    wrong = [
        *refused(ledger),
        *edited(desk),
        *([] if code == 0 and editor.CLOSING in out else [f"exit {code}: {out.strip()[-200:]}"]),
        *heard(desk),
        *roomy(desk),
        *counted(desk),
    ]
    detail = f"{len(ledger)} calls, {took:.1f} s"
    return Row(desk.tool.word, pinned(desk.tool), desk.case.vendor, not wrong, "; ".join(wrong) or detail)


def line(entry: Entry) -> str:
    told = {"path": entry.path, "body": entry.body, "status": entry.status, "answer": entry.answer}
    return json.dumps(told, ensure_ascii=False) + "\n"


# what is wrong, if anything is


def refused(ledger: List[Entry]) -> List[str]:
    """The vendor is strict: what it refuses was not said in its language."""
    return [f"the vendor refused: {entry.answer}" for entry in ledger if entry.status >= 400][:1] or ([] if ledger else ["no call arrived"])


def edited(desk: Desk) -> List[str]:
    now = desk.file.read_text()
    return [] if now == f"{NEW}\n" else [f"the file says {now!r}"]


def heard(desk: Desk) -> List[str]:
    """The vendor was told what came of its calls, in its own wire; where there are no tools, what has changed."""
    bodies = [entry.body for entry in desk.vendor.ledger if entry.status == 200]
    if desk.tool.word == "aider":
        # It commits, and asks for words for that.
        return [] if any(f"+{NEW}" in json.dumps(body, ensure_ascii=False) for body in bodies) else ["the vendor was not told of the change"]
    told = [editor.tell(desk.vendor.word, body) for body in bodies]
    done = [one for one in told if one.results and editor.writer(one.tools) in one.called]
    if not done:
        return ["the vendor was told no result of the edit"]
    last = done[-1]
    return [] if len(last.results) == len(last.called) and all(last.results) else [f"called {last.called}, heard {last.results}"]


def roomy(desk: Desk) -> List[str]:
    """Ollama reads the end only of what has no room, and says nothing of it. A token has about four bytes."""
    if desk.case.kind is not Ollama:
        return []
    asked = [(len(json.dumps(entry.body, ensure_ascii=False)) // 4, (entry.body.get("options") or {}).get("num_ctx", 4096))
             for entry in desk.vendor.ledger if entry.body]
    return [f"about {tokens} tokens are asked and num_ctx is {room}" for tokens, room in asked if tokens > room][:1]


def counted(desk: Desk) -> List[str]:
    """Every answer of the vendor is booked, with the tokens it told."""
    answers, calls = sum(entry.status == 200 for entry in desk.vendor.ledger), desk.booked()
    booked = (len(calls), sum(call["tokens_in"] for call in calls), sum(call["tokens_out"] for call in calls))
    due = (answers, answers * script.PROMPT, answers * script.WRITTEN)
    return [] if booked == due else [f"calls and tokens booked {booked}, due {due}"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=str(HERE.parent / "target/release/openai-proxy"), help="the gateway to judge")
    parser.add_argument("--only", metavar="TOOL", action="append", choices=list(ASKED), help="repeatable")
    vendors = sorted({case.kind.word for case in CASES})
    parser.add_argument("--vendor", metavar="WIRE", action="append", choices=vendors, help="repeatable")
    parser.add_argument("--python", default=sys.executable, help="interpreter for the tools from PyPI, 3.10 to 3.12")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    binary = str(Path(asked.binary).resolve())
    WORK.mkdir(exist_ok=True)
    version(binary)
    install_tools()
    install("aider", asked.python)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    folder = programs()
    rows: List[Row] = []
    for case in (case for case in CASES if case.tool in (asked.only or ASKED)):
        if asked.vendor and case.kind.word not in asked.vendor:
            continue
        desk = Desk(binary, case, folder)
        try:
            rows.append(judge(desk))
        finally:
            desk.close()
        print(f"edits {case.tool}, {case.vendor}: {rows[-1].detail}", file=sys.stderr)
    table(rows)
    failed = sum(not row.ok for row in rows)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
