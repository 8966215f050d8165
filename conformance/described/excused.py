"""What is not as a description has it, and may be so: each line with its reason."""
from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from .problem import MISSING, UNKNOWN, Problem


@dataclass(frozen=True)
class Excuse:
    """A fault that is none: of which language, kind and path (patterns; paths as `Problem` has them), how its message begins, and why."""

    to: str
    kind: str
    path: str
    message: str
    reason: str

    def covers(self, to: str, kind: str, problem: Problem) -> bool:
        """Whether it is this fault."""
        pairs = ((to, self.to), (kind, self.kind), (problem.path, self.path))
        return all(fnmatchcase(word, pattern) for word, pattern in pairs) and problem.message.startswith(self.message)


NULL = "None is against"
BROKEN = "nothing usable was written: Mistral and OpenRouter call it so; the gateway tells an error in place of such an answer"
LITELLM = "signed thoughts of Anthropic's, by LiteLLM's name"
GOOGLE = "Google's mark on a call, as Google's own OpenAI surface has it"
HISTORY = "only the vendor that gave the answer has it; Codex leaves it out of its history, too"
EXAMPLE = "in the examples of the same document"
SERVER = "only Anthropic's servers can say it; its SDKs take it as optional"
NEWER = "newer than the description; in Anthropic's SDK 2.14"
LATER = "newer than the description; Google's SDK 3.6 sends it to the Gemini API"
GO = "in the server's own `api/types.go`, which the description lags behind"

EXCUSED = [
    Excuse("chat", "response", "choices.*.finish_reason", "'error'", BROKEN),
    Excuse("completions", "response", "choices.*.finish_reason", "'error'", BROKEN),
    Excuse("chat", "*", "*tool_calls.*.extra_content", UNKNOWN, GOOGLE),
    Excuse("chat", "*", "*reasoning_content", UNKNOWN, "thoughts, by the name of DeepSeek and vLLM"),
    Excuse("chat", "*", "*thinking_blocks", UNKNOWN, LITELLM),
    Excuse("chat", "stream", "*tool_calls.*.type", "'custom' is against", "as in whole answers; only pieces are described without"),
    Excuse("chat", "stream", "*tool_calls.*.custom", UNKNOWN, "as in whole answers; only pieces are described without"),
    Excuse("completions", "stream", "choices.*.finish_reason", NULL, EXAMPLE),
    Excuse("completions", "stream", "usage", NULL, "as `include_usage` of the same document promises"),
    Excuse("responses", "request", "input.*.id", MISSING, HISTORY),
    Excuse("responses", "request", "input.*.status", MISSING, HISTORY),
    Excuse("responses", "request", "input.*.content.*.logprobs", MISSING, HISTORY),
    Excuse("responses", "*", "*user", NULL, EXAMPLE),
    Excuse("responses", "*", "*usage", NULL, EXAMPLE),
    Excuse("responses", "*", "*store", UNKNOWN, EXAMPLE),
    Excuse("responses", "*", "*status", UNKNOWN, "of a call of a custom tool: described for stored items only, and sent with all"),
    Excuse("responses", "*", "*extra_content", UNKNOWN, GOOGLE),
    Excuse("messages", "request", "output_config.effort", "'xhigh' is against", NEWER),
    Excuse("messages", "*", "*usage.output_tokens_details", UNKNOWN, NEWER),
    Excuse("messages", "*", "*stop_details", UNKNOWN, NEWER),
    Excuse("messages", "*", "*container", MISSING, SERVER),
    Excuse("messages", "*", "*usage.cache_creation", MISSING, SERVER),
    Excuse("messages", "*", "*usage.inference_geo", MISSING, SERVER),
    Excuse("messages", "*", "*usage.server_tool_use", MISSING, SERVER),
    Excuse("messages", "*", "*usage.service_tier", MISSING, SERVER),
    Excuse("messages", "response", "content.*.caller", MISSING, SERVER),
    Excuse("messages", "stream", "request_id", MISSING, SERVER),
    Excuse("messages", "*", "content*.citations", MISSING, "null unless there are some; the SDKs take it as optional"),
    Excuse("messages", "stream", "delta.citation.file_id", MISSING, "null unless it is of a stored file; the SDKs take it as optional"),
    Excuse("gemini", "request", "*functionResponse.parts.*.fileData", UNKNOWN, LATER),
    Excuse("gemini", "request", "*functionResponse.parts.*.mediaResolution", UNKNOWN, LATER),
    Excuse("gemini", "stream", "status", UNKNOWN, "Google's errors have the code's name over HTTP (AIP-193)"),
    Excuse("ollama-chat", "request", "messages.*.thinking", UNKNOWN, GO),
    Excuse("ollama-chat", "request", "messages.*.tool_name", UNKNOWN, GO),
    Excuse("ollama-chat", "request", "messages.*.tool_call_id", UNKNOWN, GO),
    Excuse("ollama-chat", "*", "*tool_calls.*.id", UNKNOWN, GO),
    Excuse("ollama-chat", "*", "*tool_calls.*.function.index", UNKNOWN, GO),
    Excuse("ollama-generate", "*", "tool_calls", UNKNOWN, GO),
    Excuse("ollama-generate", "*", "image", UNKNOWN, GO),
    Excuse("ollama-*", "*", "prompt_eval_cached_count", UNKNOWN, GO),
    Excuse("ollama-*", "request", "truncate", UNKNOWN, GO),
    Excuse("ollama-generate", "request", "template", UNKNOWN, GO),
    Excuse("ollama-generate", "request", "context", UNKNOWN, GO),
]
