"""Cohere's chat, version 2. Source: docs.cohere.com, "Chat", "Tool use", "Reasoning", "Image inputs", "Structured outputs"."""
from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List

from . import script, vectors
from .base import Answer, Call, Pending, Refused, Vendor, flag, items, known, number, numbers, parts_of, schema, sse, word
from .chat import content, function

FIELDS = """stream tools strict_tools documents citation_options response_format safety_mode max_tokens stop_sequences temperature seed
    frequency_penalty presence_penalty k p logprobs tool_choice thinking priority"""
NAME = r"[a-zA-Z0-9_-]{1,64}"


class Cohere(Vendor):
    word, kind, base = "cohere", "cohere", "/v2"
    others = {"/v2/embed": vectors.cohere, "/v2/rerank": vectors.cohere_order}

    def check(self, call: Call) -> None:
        if call.path not in ("/v2/chat", *self.others):
            raise Refused("page not found", 404)
        if call.headers.get("authorization") != f"Bearer {self.key}":
            raise Refused("invalid api token", 401)

    def read(self, call: Call) -> script.Ask:
        body = known(call.body, "body", "model messages", FIELDS)
        if body["model"] != self.model:
            raise Refused(f"model '{body['model']}' not found, make sure the correct model ID was used and that you have access to the model.", 404)
        numbers(body, "body", temperature=(0.0, 1.0), p=(0.01, 0.99), k=(0, 500), frequency_penalty=(0.0, 1.0), presence_penalty=(0.0, 1.0),
                max_tokens=(1, 10**6), seed=(0, 2**64))
        if len(body.get("stop_sequences", [])) > 5:
            raise Refused("stop_sequences: at most 5")
        ask = conversation(items(body["messages"], "messages", 1))
        ask.stream, ask.limit = flag(body.get("stream", False), "stream"), body.get("max_tokens")
        # A model that thinks does so unless told otherwise; here it must be asked.
        thoughts = known(body.get("thinking", {"type": "disabled"}), "thinking", "type", "token_budget")
        ask.thinks = word(thoughts["type"], "thinking.type", ("enabled", "disabled")) == "enabled"
        if thoughts.get("token_budget") is not None:
            number(thoughts["token_budget"], "thinking.token_budget", 1, 10**6, whole=True)
        tools(body, ask)
        shape(body, ask)
        return ask

    # answers

    def whole(self, reply: script.Reply, ask: script.Ask) -> Any:
        message: Dict[str, Any] = {"role": "assistant"}
        said = [{"type": "thinking", "thinking": reply.thought}] if reply.thought else []
        said += [{"type": "text", "text": reply.text}] if reply.text else []
        if said:
            message["content"] = said
        if reply.calls:
            message["tool_calls"] = [{"id": ident(called), "type": "function", "function": function(called)} for called in reply.calls]
        return {"id": "83e3e297", "message": message, "finish_reason": finish(reply), "usage": usage(reply, ask)}

    def pieces(self, reply: script.Reply, ask: script.Ask) -> Iterator[bytes]:
        def event(kind: str, **data: Any) -> bytes:
            return sse({"type": kind, **data}, kind)

        empty: Dict[str, Any] = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        yield event("message-start", id="83e3e297", delta={"message": empty})
        index = 0
        for kind, text in (("thinking", reply.thought), ("text", reply.text)):
            if not text:
                continue
            yield event("content-start", index=index, delta={"message": {"content": {"type": kind, kind: ""}}})
            for piece in parts_of(text):
                yield event("content-delta", index=index, delta={"message": {"content": {kind: piece}}})
            if reply.cut:
                return
            yield event("content-end", index=index)
            index += 1
        for at, called in enumerate(reply.calls):
            start = {"id": ident(called), "type": "function", "function": {"name": called.name, "arguments": ""}}
            yield event("tool-call-start", index=at, delta={"message": {"tool_calls": start}})
            for piece in parts_of(function(called)["arguments"]):
                yield event("tool-call-delta", index=at, delta={"message": {"tool_calls": {"function": {"arguments": piece}}}})
            yield event("tool-call-end", index=at)
        yield event("message-end", delta={"finish_reason": finish(reply), "usage": usage(reply, ask)})
        yield b"data: [DONE]\n\n"

    def refusal(self, status: int, message: str, call: Call) -> Answer:
        return Answer({"id": "8bd5b608", "message": message}, status)


# reading


def conversation(messages: List[Any]) -> script.Ask:
    ask, pending = script.Ask(""), Pending()
    for nth, message in enumerate(messages):
        where = f"messages[{nth}]"
        role = word(message.get("role"), f"{where}.role", ("system", "user", "assistant", "tool"))
        if role == "tool":
            known(message, where, "role content tool_call_id")
            pending.result(message["tool_call_id"], tool_text(message["content"], where), where)
            continue
        if pending.open:
            pending.settle(where)
        if role == "assistant":
            pending.settle(where)
            answered(message, pending, where)
        else:
            known(message, where, "role content")
            text, images = content(message["content"], where)
            if not text and not images:
                raise Refused(f"{where}: message must be at least 1 token long")
            if role == "system":
                ask.system = " ".join(filter(None, [ask.system, text]))
            else:
                pending.settle(where)
                ask.text, ask.images = text, images
    pending_at_end(pending)
    ask.results = pending.results
    return ask


def pending_at_end(pending: Pending) -> None:
    if pending.open:
        raise Refused(f"invalid request: cannot generate, these tool calls have no tool message: {', '.join(pending.open)}")


def tool_text(given: Any, where: str) -> str:
    if isinstance(given, str):
        return given
    text = ""
    for part in items(given, f"{where}.content", 1):
        if word(part.get("type"), where, ("text", "document")) == "text":
            text += word(known(part, where, "type text")["text"], where)
        else:
            document = known(known(part, where, "type document")["document"], f"{where}.document", "data", "id")
            text += document["data"] if isinstance(document["data"], str) else json.dumps(document["data"], ensure_ascii=False)
    return text


def answered(message: Dict[str, Any], pending: Pending, where: str) -> None:
    """A turn of the model, as it is told again."""
    known(message, where, "role", "content tool_calls tool_plan citations")
    calls = message.get("tool_calls") or []
    given = message.get("content")
    if not calls and not given:
        raise Refused(f"{where}: an assistant message must have content or tool_calls")
    for at, part in enumerate(given if isinstance(given, list) else []):
        place = f"{where}.content[{at}]"
        kind = word(part.get("type"), place, ("text", "thinking"))
        word(known(part, place, f"type {kind}")[kind], place)
    for at, one in enumerate(calls):
        place = f"{where}.tool_calls[{at}]"
        known(one, place, "id type function")
        known(one["function"], f"{place}.function", "name arguments")
        try:
            told = json.loads(word(one["function"]["arguments"], f"{place}.function.arguments"))
        except ValueError:
            raise Refused(f"{place}.function.arguments: no JSON") from None
        pending.call(word(one["id"], f"{place}.id"), word(one["function"]["name"], place, pattern=NAME), told, place)


def tools(body: Dict[str, Any], ask: script.Ask) -> None:
    for at, tool in enumerate(items(body.get("tools", []), "tools")):
        where = f"tools[{at}]"
        word(known(tool, where, "type function")["type"], f"{where}.type", ["function"])
        one = known(tool["function"], f"{where}.function", "name parameters", "description")
        ask.tools.append(word(one["name"], f"{where}.function.name", pattern=NAME))
        schema(one["parameters"], f"{where}.function.parameters")
    if "tool_choice" in body:
        if not ask.tools:
            raise Refused("tool_choice may only be set with tools")
        ask.must_call = word(body["tool_choice"], "tool_choice", ("REQUIRED", "NONE")) != "NONE"


def shape(body: Dict[str, Any], ask: script.Ask) -> None:
    form = body.get("response_format", {"type": "text"})
    kind = word(form.get("type"), "response_format.type", ("text", "json_object"))
    if kind == "text":
        known(form, "response_format", "type")
        return
    if ask.tools or body.get("documents"):
        raise Refused("response_format is not supported together with tools or documents")
    ask.shape = known(form, "response_format", "type", "json_schema").get("json_schema")
    if ask.shape is not None:
        schema(ask.shape, "response_format.json_schema")


# writing


def ident(called: script.Called) -> str:
    return f"{called.name}_{called.ident}"


def finish(reply: script.Reply) -> str:
    return {"end": "COMPLETE", "calls": "TOOL_CALL", "length": "MAX_TOKENS"}[reply.stop]


def usage(reply: script.Reply, ask: script.Ask) -> Dict[str, Any]:
    written = script.written(ask, reply)
    return {
        "billed_units": {"input_tokens": script.PROMPT - script.CACHED, "output_tokens": written},
        "tokens": {"input_tokens": script.PROMPT, "output_tokens": written},
        "cached_tokens": script.CACHED,
    }
