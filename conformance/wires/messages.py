"""Messages. Source: docs.anthropic.com, "Messages", "Streaming", "Extended thinking", "Structured outputs", "Errors"."""
from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List

from . import script
from .base import (Answer, Call, Pending, Refused, Vendor, arguments, flag, full, image, items, known, number, numbers, parts_of,
                   schema, sse, word)

FIELDS = """cache_control container context_management diagnostics inference_geo metadata output_config service_tier speed
    stop_sequences stream system temperature thinking tool_choice tools top_k top_p"""
ID = r"[a-zA-Z0-9_-]+"
NAME = r"[a-zA-Z0-9_-]{1,128}"
MEDIA = ("image/jpeg", "image/png", "image/gif", "image/webp")


class Messages(Vendor):
    word, kind, base = "messages", "anthropic", "/v1"
    model = "claude-opus-4-6"

    def check(self, call: Call) -> None:
        if call.path != "/v1/messages":
            raise Refused("Not found", 404)
        keys = {call.headers.get("x-api-key"), call.headers.get("authorization", "").replace("Bearer ", "")} - {None, ""}
        if keys != {self.key}:
            raise Refused("invalid x-api-key", 401)
        if call.headers.get("anthropic-version") not in ("2023-06-01", "2026-10-21"):
            raise Refused("anthropic-version: header is required")
        if "json" not in call.headers.get("content-type", ""):
            raise Refused("content-type: application/json is required")

    def read(self, call: Call) -> script.Ask:
        body = known(call.body, "body", "model max_tokens messages", FIELDS)
        if body["model"] != self.model:
            raise Refused(f"model: {body['model']}", 404)
        numbers(body, "body", temperature=(0.0, 1.0), top_p=(0.0, 1.0), top_k=(0, 10**6))
        if "temperature" in body and "top_p" in body:
            raise Refused("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
        limit = number(body["max_tokens"], "max_tokens", 1, 200_000, whole=True)
        if "metadata" in body:
            known(body["metadata"], "metadata", "", "user_id")
        for at, stop in enumerate(items(body.get("stop_sequences", []), "stop_sequences")):
            full(stop, f"stop_sequences.{at}")
        kind = thinking(body, limit)
        thinks = kind in ("enabled", "adaptive")
        # Who thinks as much as it likes may go on without the thoughts of before.
        ask = conversation(items(body["messages"], "messages", 1), kind == "enabled", call.headers["anthropic-version"] >= "2026-10-21")
        ask.system = " ".join(filter(None, [system(body), ask.system]))
        ask.thinks, ask.limit, ask.model = thinks, limit, body["model"]
        ask.stream = flag(body.get("stream", False), "stream")
        tools(body, ask)
        if thinks and body.get("tool_choice", {}).get("type") in ("any", "tool"):
            raise Refused("Thinking may not be enabled when tool_choice forces tool use.")
        if any_calls(body["messages"]) and not ask.tools:
            raise Refused("Requests which include `tool_use` or `tool_result` blocks must define tools.")
        output(body, ask)
        return ask

    # answers

    def whole(self, reply: script.Reply, ask: script.Ask) -> Any:
        return {**frame(), "content": blocks(reply), "stop_reason": stop(reply), "stop_sequence": None, "usage": usage(reply, ask)}

    def pieces(self, reply: script.Reply, ask: script.Ask) -> Iterator[bytes]:
        def event(kind: str, **data: Any) -> bytes:
            return sse({"type": kind, **data}, kind)

        first = {**usage(reply, ask), "output_tokens": 1, "output_tokens_details": None}
        yield event("message_start", message={**frame(), "content": [], "stop_reason": None, "stop_sequence": None, "usage": first})
        yield event("ping")
        for index, block in enumerate(blocks(reply)):
            empty = {"thinking": {"thinking": "", "signature": ""}, "text": {"text": ""}, "tool_use": {"input": {}}}[block["type"]]
            yield event("content_block_start", index=index, content_block={**block, **empty})
            for delta in deltas(block):
                yield event("content_block_delta", index=index, delta=delta)
            if reply.cut:
                return
            yield event("content_block_stop", index=index)
        last = {"output_tokens": script.written(ask, reply), "output_tokens_details": {"thinking_tokens": reply.thinking}}
        yield event("message_delta", delta={"stop_reason": stop(reply), "stop_sequence": None}, usage=last)
        yield event("message_stop")

    def refusal(self, status: int, message: str, call: Call) -> Answer:
        kind = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}.get(status, "invalid_request_error")
        error = {"type": kind, "message": message}
        return Answer({"type": "error", "error": error, "request_id": "req_011C"}, status, headers={"request-id": "req_011C"})


class Older(Messages):
    """A model of before 4.5: it thinks in so many tokens, and knows neither efforts nor the schema of an answer."""

    word, model = "older", "claude-3-7-sonnet-20250219"

    def read(self, call: Call) -> script.Ask:
        if "output_config" in call.body:
            raise Refused("output_config: Extra inputs are not permitted")
        if call.body.get("thinking", {}).get("type") not in (None, "enabled", "disabled"):
            raise Refused("adaptive thinking is not supported on this model")
        return super().read(call)


# reading


def thinking(body: Dict[str, Any], limit: int) -> str:
    wish = body.get("thinking")
    if wish is None:
        return "disabled"
    kind = word(wish.get("type"), "thinking.type", ("enabled", "adaptive", "disabled", "between_tools"))
    if kind == "enabled":
        known(wish, "thinking", "type budget_tokens", "display")
        number(wish["budget_tokens"], "thinking.budget_tokens", 1024, 10**6, whole=True)
        if wish["budget_tokens"] >= limit:
            raise Refused("`max_tokens` must be greater than `thinking.budget_tokens`.")
    else:
        known(wish, "thinking", "type", "display" if kind == "adaptive" else "")
    if kind in ("enabled", "adaptive") and (body.get("temperature", 1) != 1 or "top_k" in body):
        raise Refused("When thinking is enabled or in adaptive mode, `temperature` may only be set to 1 and `top_k` must be unset.")
    return kind


def system(body: Dict[str, Any]) -> str:
    given = body.get("system", "")
    if isinstance(given, str):
        return given
    return " ".join(text(block, f"system.{at}") for at, block in enumerate(items(given, "system")))


def text(block: Any, where: str) -> str:
    word(known(block, where, "type text", "cache_control citations")["type"], f"{where}.type", ["text"])
    return full(block["text"], f"{where}.text")


def conversation(messages: List[Any], thinks: bool, newer: bool) -> script.Ask:
    ask, pending, before = script.Ask(""), Pending(), ""
    for nth, message in enumerate(messages):
        where = f"messages.{nth}"
        known(message, where, "role content")
        role = word(message["role"], f"{where}.role", ("user", "assistant", "system") if newer else ("user", "assistant"))
        content = message["content"]
        given = [{"type": "text", "text": content}] if isinstance(content, str) else items(content, f"{where}.content", 1)
        if role == "system":
            ask.system = " ".join(filter(None, [ask.system, *(text(block, where) for block in given)]))
            continue
        if not before and role != "user":
            raise Refused(f"{where}: first message must use the \"user\" role")
        # Turns of one role are joined by the vendor; what answers calls may not be torn apart all the same.
        if role == "user":
            asked(given, ask, pending, where)
        else:
            if pending.open:
                pending.settle(where)
            answered(given, pending, thinks, where, last=nth == len(messages) - 1)
        before = role
    if pending.open:
        raise Refused(f"`tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(pending.open)}")
    ask.results = pending.results
    return ask


def asked(given: List[Any], ask: script.Ask, pending: Pending, where: str) -> None:
    """A turn of the user: results first, then what else there is."""
    said, images, other = [], [], False
    for at, block in enumerate(given):
        place = f"{where}.content.{at}"
        kind = word(block.get("type"), f"{place}.type", ("text", "image", "tool_result", "document", "search_result"))
        if kind == "tool_result":
            if other:
                raise Refused(f"{place}: tool_result blocks must come first in the content")
            result(block, pending, place)
            continue
        if not other and pending.open:
            raise Refused(f"{place}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(pending.open)}")
        other = True
        if kind == "text":
            said.append(text(block, place))
        elif kind == "image":
            images.append(picture(block, place))
        else:
            raise Refused(f"{place}: no {kind} is expected here")
    if other:
        pending.settle(where)
        ask.text, ask.images = "".join(said), images


def result(block: Dict[str, Any], pending: Pending, where: str) -> None:
    known(block, where, "type tool_use_id", "content is_error cache_control")
    flag(block.get("is_error", False), f"{where}.is_error")
    content = block.get("content", "")
    if isinstance(content, list):
        content = "".join(text(part, f"{where}.content.{at}") for at, part in enumerate(content))
    pending.result(word(block["tool_use_id"], f"{where}.tool_use_id", pattern=ID), word(content, f"{where}.content"), where)


def picture(block: Dict[str, Any], where: str) -> Any:
    source = known(block, where, "type source", "cache_control")["source"]
    kind = word(source.get("type"), f"{where}.source.type", ("base64", "url", "file"))
    if kind != "base64":
        raise Refused(f"{where}.source: unable to download the file")
    known(source, f"{where}.source", "type media_type data")
    return image(source["data"], word(source["media_type"], f"{where}.source.media_type", MEDIA), f"{where}.source.data")


def answered(given: List[Any], pending: Pending, thinks: bool, where: str, last: bool) -> None:
    """A turn of the model, as it is told again."""
    pending.settle(where)
    first = given[0].get("type")
    calls = [block for block in given if block.get("type") == "tool_use"]
    if thinks and calls and first not in ("thinking", "redacted_thinking"):
        raise Refused(f"{where}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{first}`. When `thinking` is enabled, "
                      "a final `assistant` message must start with a thinking block.")
    for at, block in enumerate(given):
        place = f"{where}.content.{at}"
        kind = word(block.get("type"), f"{place}.type", ("text", "thinking", "redacted_thinking", "tool_use"))
        if kind == "text":
            text(block, place)
        elif kind == "thinking":
            known(block, place, "type thinking signature")
            if block["signature"] != script.signature(word(block["thinking"], place)):
                raise Refused(f"{place}: Invalid `signature` in `thinking` block")
        elif kind == "redacted_thinking":
            raise Refused(f"{place}: Invalid `data` in `redacted_thinking` block")
        else:
            known(block, place, "type id name input", "cache_control caller")
            named = word(block["name"], f"{place}.name", pattern=NAME)
            pending.call(word(block["id"], f"{place}.id", pattern=ID), named, arguments(block["input"], f"{place}.input"), place)
    if last and given[-1].get("type") == "text" and given[-1]["text"] != given[-1]["text"].rstrip():
        raise Refused("messages: final assistant content cannot end with trailing whitespace")


def any_calls(messages: List[Any]) -> bool:
    blocks = [block for message in messages if isinstance(message["content"], list) for block in message["content"]]
    return any(block["type"] in ("tool_use", "tool_result") for block in blocks)


def tools(body: Dict[str, Any], ask: script.Ask) -> None:
    for at, tool in enumerate(items(body.get("tools", []), "tools")):
        where = f"tools.{at}"
        known(tool, where, "name input_schema", "type description cache_control strict eager_input_streaming input_examples")
        word(tool.get("type", "custom"), f"{where}.type", ["custom"])
        ask.tools.append(word(tool["name"], f"{where}.name", pattern=NAME))
        ask.schemas[ask.tools[-1]] = schema(tool["input_schema"], f"{where}.input_schema")
    choice = body.get("tool_choice")
    if choice is None:
        return
    if not ask.tools:
        raise Refused("tool_choice: may only be specified while providing tools")
    kind = word(choice.get("type"), "tool_choice.type", ("auto", "any", "tool", "none"))
    known(choice, "tool_choice", "type name" if kind == "tool" else "type", "" if kind == "none" else "disable_parallel_tool_use")
    ask.must_call = kind != "none"


def output(body: Dict[str, Any], ask: script.Ask) -> None:
    wish = known(body.get("output_config", {}), "output_config", "", "effort format")
    if wish.get("effort") is not None:
        word(wish["effort"], "output_config.effort", ("low", "medium", "high", "xhigh", "max"))
    if wish.get("format") is None:
        return
    known(wish["format"], "output_config.format", "type schema")
    word(wish["format"]["type"], "output_config.format.type", ["json_schema"])
    ask.shape = schema(wish["format"]["schema"], "output_config.format.schema")
    if ask.shape.get("additionalProperties") is not False:
        raise Refused("output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false")


# writing


def blocks(reply: script.Reply) -> List[Dict[str, Any]]:
    said: List[Dict[str, Any]] = []
    if reply.thought:
        said.append({"type": "thinking", "thinking": reply.thought, "signature": script.signature(reply.thought)})
    if reply.text:
        said.append({"type": "text", "text": reply.text})
    said += [{"type": "tool_use", "id": f"toolu_01{called.ident}", "name": called.name, "input": called.given} for called in reply.calls]
    return said


def deltas(block: Dict[str, Any]) -> Iterator[Dict[str, str]]:
    if block["type"] == "text":
        yield from ({"type": "text_delta", "text": piece} for piece in parts_of(block["text"]))
    elif block["type"] == "thinking":
        yield from ({"type": "thinking_delta", "thinking": piece} for piece in parts_of(block["thinking"]))
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        pieces = ["", *parts_of(json.dumps(block["input"], ensure_ascii=False))]
        yield from ({"type": "input_json_delta", "partial_json": piece} for piece in pieces)


def stop(reply: script.Reply) -> str:
    return {"end": "end_turn", "calls": "tool_use", "length": "max_tokens"}[reply.stop]


def frame() -> Dict[str, Any]:
    return {"id": "msg_01XyZ", "type": "message", "role": "assistant", "model": Messages.model}


def usage(reply: script.Reply, ask: script.Ask) -> Dict[str, Any]:
    return {
        "input_tokens": script.PROMPT - script.CACHED - script.STORED,
        "cache_creation_input_tokens": script.STORED,
        "cache_read_input_tokens": script.CACHED,
        "output_tokens": script.written(ask, reply),
        "output_tokens_details": {"thinking_tokens": reply.thinking},
        "service_tier": "standard",
    }
