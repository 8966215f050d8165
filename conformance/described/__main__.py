"""`python -m described FOLDER` from the conformance folder: every golden file against the descriptions in FOLDER."""
from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Set, Tuple, Union

from .excused import EXCUSED, Excuse
from .golden import KINDS, Snap, snaps
from .openapi import OpenApi
from .problem import Problem
from .shapes import Shapes

GOLDEN = Path(__file__).resolve().parents[2] / "crates/protocol/tests/golden"
Description = Union[OpenApi, Shapes]


@dataclass(frozen=True)
class Language:
    """Where it is described, and what its requests, answers and pieces of streams are called there: of several names one has to fit."""

    document: str
    request: List[str]
    response: List[str]
    stream: List[str]
    error: str  # of a stream that breaks, in place of a piece; empty where it is one of the pieces


OPENAI, OLLAMA = "openai-openapi.yaml", "ollama-openapi.yaml"
LANGUAGES = {
    "chat": Language(
        OPENAI,
        ["CreateChatCompletionRequest"],
        ["CreateChatCompletionResponse"],
        ["CreateChatCompletionStreamResponse"],
        "ErrorResponse",
    ),
    "completions": Language(
        OPENAI, ["CreateCompletionRequest"], ["CreateCompletionResponse"], ["CreateCompletionResponse"], "ErrorResponse"
    ),
    "responses": Language(OPENAI, ["CreateResponse"], ["Response"], ["ResponseStreamEvent"], ""),
    "messages": Language(
        "anthropic-*.yaml",
        ["CreateMessageParams", "BetaCreateMessageParams"],
        ["Message", "BetaMessage"],
        ["MessageStreamEvent", "BetaMessageStreamEvent"],
        "ErrorResponse",
    ),
    "gemini": Language(
        "gemini-v1beta-openapi.json", ["GenerateContentRequest"], ["GenerateContentResponse"], ["GenerateContentResponse"], "Status"
    ),
    "converse": Language(
        "bedrock-runtime-*.service-2.json", ["ConverseRequest"], ["ConverseResponse"], ["ConverseStreamOutput"], ""
    ),
    # The last piece of a stream has the counts and the reason, which only the description of a whole answer names.
    "ollama-chat": Language(OLLAMA, ["ChatRequest"], ["ChatResponse"], ["ChatStreamEvent", "ChatResponse"], "ErrorResponse"),
    "ollama-generate": Language(
        OLLAMA, ["GenerateRequest"], ["GenerateResponse"], ["GenerateStreamEvent", "GenerateResponse"], "ErrorResponse"
    ),
}


class Judge:
    """Finds what is wrong with golden files, and remembers which excuses were needed."""

    def __init__(self, folder: Path):
        found = {pattern: sorted(folder.glob(pattern)) for pattern in {language.document for language in LANGUAGES.values()}}
        missing = [pattern for pattern, paths in found.items() if not paths]
        if missing:
            sys.exit(f"{folder} has no {', '.join(missing)}")
        self.documents: Dict[str, Description] = {
            pattern: OpenApi(paths[-1]) if "openapi" in pattern or pattern.endswith(".yaml") else Shapes(paths[-1])
            for pattern, paths in found.items()
        }
        self.used: Set[Excuse] = set()

    def faults(self, snap: Snap) -> List[Problem]:
        """What is wrong in a file and not excused."""
        problems = [problem for value in snap.values for problem in self._value(snap, value)]
        return list(dict.fromkeys(problem for problem in problems if not self._excused(snap, problem)))

    def _value(self, snap: Snap, value: Any) -> List[Problem]:
        language = LANGUAGES[snap.to]
        names: List[str] = getattr(language, snap.kind)
        if snap.to == "converse" and snap.kind == "stream":
            value = {value["type"]: value["payload"]}
        elif snap.kind == "stream" and language.error and value.get("error"):
            # Google describes what stands under `error`, and not what it stands in.
            names, value = [language.error], value["error"] if snap.to == "gemini" else value
        return min((self.documents[language.document].problems(name, value) for name in names), key=len)

    def _excused(self, snap: Snap, problem: Problem) -> bool:
        covering = [excuse for excuse in EXCUSED if excuse.covers(snap.to, snap.kind, problem)]
        self.used.update(covering)
        return bool(covering)


def table(counts: Counter[Tuple[str, str, str]]) -> None:
    """How many files of each language and kind are as described; what was refused has nothing to judge."""
    print(f"{'language':<15} | {'kind':<8} | valid | invalid | refused")
    for to in LANGUAGES:
        for kind in KINDS:
            valid, invalid, refused = (counts[to, kind, word] for word in ("valid", "invalid", "refused"))
            print(f"{to:<15} | {kind:<8} | {valid:>5} | {invalid:>7} | {refused:>7}")


def main() -> int:
    judge = Judge(Path(sys.argv[1]))
    counts: Counter[Tuple[str, str, str]] = Counter()
    faults: Dict[Tuple[str, str, Problem], List[str]] = {}
    for snap in snaps(GOLDEN):
        if snap.to not in LANGUAGES:
            continue
        found = judge.faults(snap)
        counts[snap.to, snap.kind, "invalid" if found else "valid" if snap.values else "refused"] += 1
        for problem in found:
            faults.setdefault((snap.to, snap.kind, problem), []).append(snap.file)
    table(counts)
    for (to, kind, problem), files in faults.items():
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        print(f"FAIL {to} {kind} | {problem.path}: {problem.message} | {files[0]}{more}")
    idle = [excuse for excuse in EXCUSED if excuse not in judge.used]
    for excuse in idle:
        print(f"FAIL {excuse.to} {excuse.kind} | {excuse.path}: nothing has to be excused")
    return 1 if faults or idle else 0


if __name__ == "__main__":
    sys.exit(main())
