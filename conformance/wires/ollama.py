"""Ollama's chat. Source: docs.ollama.com, "Generate a chat message", "Tool calling", "Thinking"; `api/types.go`."""
from __future__ import annotations

from typing import Any, Dict, Iterator, List

from . import script, vectors
from .base import Answer, Call, Pending, Refused, Vendor, arguments, compact, flag, image, items, known, parts_of, schema, word
from .chat import Chat, counts

FIELDS = "stream format keep_alive tools options think truncate shift logprobs top_logprobs"
# An option that is not known is warned of in Ollama's own log and does nothing: here it is refused.
OPTIONS = """num_keep seed num_predict top_k top_p min_p typical_p repeat_last_n temperature repeat_penalty presence_penalty
    frequency_penalty stop num_ctx num_batch num_gpu main_gpu use_mmap num_thread"""


class Surface(Chat):
    """Its OpenAI surface. Source: docs.ollama.com, "OpenAI compatibility"."""

    word, thought = "ollama", "reasoning"
    others = {"/v1/embeddings": vectors.openai}

    def usage(self, reply: script.Reply, ask: script.Ask) -> Dict[str, Any]:
        return counts(reply, ask)


class Ollama(Vendor):
    word, kind, base = "ollama", "ollama", "/v1"
    stream_type = "application/x-ndjson"
    others = {"/api/embed": vectors.ollama, "/api/embeddings": vectors.ollama_one}

    def answer(self, call: Call) -> Answer:
        return Surface(serve=False).answer(call) if call.path.startswith("/v1/") else super().answer(call)

    def check(self, call: Call) -> None:
        if call.path not in ("/api/chat", *self.others):
            raise Refused("404 page not found", 404)
        if call.headers.get("authorization") not in (None, f"Bearer {self.key}"):
            raise Refused("unauthorized", 401)

    def read(self, call: Call) -> script.Ask:
        body = known(call.body, "body", "model messages", FIELDS)
        if body["model"] not in (self.model, f"{self.model}:latest"):
            raise Refused(f"model '{body['model']}' not found", 404)
        options = known(body.get("options") or {}, "options", "", OPTIONS)
        if not isinstance(options.get("stop", []), list):
            raise Refused("option \"stop\" must be of type array")
        ask = conversation(items(body["messages"], "messages", 1))
        ask.stream, ask.limit = flag(body.get("stream", True), "stream"), options.get("num_predict")
        think = body.get("think", False)
        if not isinstance(think, bool):
            word(think, "think", ("low", "medium", "high", "max"))
        ask.thinks = bool(think)
        for at, tool in enumerate(items(body.get("tools") or [], "tools")):
            word(known(tool, f"tools[{at}]", "type function")["type"], f"tools[{at}].type", ["function"])
            one = known(tool["function"], f"tools[{at}].function", "name parameters", "description")
            ask.tools.append(word(one["name"], f"tools[{at}].function.name"))
            schema(one["parameters"], f"tools[{at}].function.parameters")
        form = body.get("format") or None
        if isinstance(form, dict):
            ask.shape = schema(form, "format")
        elif form not in (None, "json"):
            raise Refused(f"invalid format: {form!r}; expected \"json\" or a valid JSON Schema object")
        return ask

    # answers

    def whole(self, reply: script.Reply, ask: script.Ask) -> Any:
        message: Dict[str, Any] = {"role": "assistant", "content": reply.text}
        if reply.thought:
            message["thinking"] = reply.thought
        if reply.calls:
            message["tool_calls"] = calls(reply)
        return {**frame(message), **end(reply, ask)}

    def pieces(self, reply: script.Reply, ask: script.Ask) -> Iterator[bytes]:
        def line(**message: Any) -> bytes:
            return compact({**frame({"role": "assistant", "content": "", **message}), "done": False}) + b"\n"

        for piece in parts_of(reply.thought):
            yield line(thinking=piece)
        for piece in parts_of(reply.text):
            yield line(content=piece)
        if reply.cut:
            return
        for call in calls(reply):
            yield line(tool_calls=[call])
        yield compact({**frame({"role": "assistant", "content": ""}), **end(reply, ask)}) + b"\n"

    def refusal(self, status: int, message: str, call: Call) -> Answer:
        return Answer({"error": message}, status)


# reading


def conversation(messages: List[Any]) -> script.Ask:
    ask, pending = script.Ask(""), Pending()
    for nth, message in enumerate(messages):
        where = f"messages[{nth}]"
        known(message, where, "role", "content thinking images tool_calls tool_name tool_call_id")
        role = word(message["role"], f"{where}.role", ("system", "user", "assistant", "tool"))
        text = word(message.get("content", ""), f"{where}.content")
        images = [image(one, "", f"{where}.images") for one in items(message.get("images") or [], f"{where}.images")]
        if role == "tool":
            respond(message, pending, where)
            continue
        if pending.open:
            pending.settle(where)
        if role == "assistant":
            pending.settle(where)
            answered(message, pending, where)
        elif role == "system":
            ask.system = " ".join(filter(None, [ask.system, text]))
        else:
            pending.settle(where)
            ask.text, ask.images = text, images
    if pending.open:
        pending.settle("messages")
    ask.results = pending.results
    return ask


def respond(message: Dict[str, Any], pending: Pending, where: str) -> None:
    """A result finds its call by its id or, as the templates of many models have it, by the tool's name."""
    name, ident = message.get("tool_name"), message.get("tool_call_id")
    fits = [key for key, called in pending.open.items() if (ident in (None, key)) and name in (None, called.name)]
    if not fits or (name is None and ident is None):
        raise Refused(f"{where}: the tool message of {name!r}, {ident!r} answers no call")
    if name is None:
        raise Refused(f"{where}: a tool message without a tool_name says nothing to a template")
    pending.result(fits[0], message.get("content", ""), where)


def answered(message: Dict[str, Any], pending: Pending, where: str) -> None:
    """A turn of the model, as it is told again."""
    for at, one in enumerate(items(message.get("tool_calls") or [], f"{where}.tool_calls")):
        place = f"{where}.tool_calls[{at}]"
        function = known(known(one, place, "function", "id type")["function"], f"{place}.function", "name arguments", "index description")
        pending.call(one.get("id") or place, word(function["name"], place), arguments(function["arguments"], f"{place}.arguments"), place)
    if not message.get("tool_calls") and not message.get("content"):
        raise Refused(f"{where}: an assistant message without anything")


# writing


def frame(message: Dict[str, Any]) -> Dict[str, Any]:
    return {"model": Ollama.model, "created_at": "2026-10-01T21:01:59.481632Z", "message": message}


def calls(reply: script.Reply) -> List[Dict[str, Any]]:
    return [{"id": f"call_{called.ident}", "function": {"index": at, "name": called.name, "arguments": called.given}}
            for at, called in enumerate(reply.calls)]


def end(reply: script.Reply, ask: script.Ask) -> Dict[str, Any]:
    """It tells of no cache and of no thinking."""
    return {
        "done": True,
        "done_reason": "length" if reply.stop == "length" else "stop",
        "total_duration": 3722518334,
        "load_duration": 1534053125,
        "prompt_eval_count": script.PROMPT,
        "prompt_eval_duration": 179676000,
        "eval_count": script.written(ask, reply),
        "eval_duration": 2006086000,
    }
