"""Bedrock's Converse, with a model of Anthropic's behind it. Source: docs.aws.amazon.com, "Converse", "ConverseStream", "API keys",
"Amazon event stream encoding"."""
from __future__ import annotations

import json
import re
import struct
import zlib
from typing import Any, Dict, Iterator, List

from . import script
from .base import (Answer, Call, Pending, Refused, Vendor, arguments, compact, flag, full, image, items, known, number, numbers, one_of,
                   parts_of, schema, word)

FIELDS = """system inferenceConfig toolConfig guardrailConfig projectIdentifier additionalModelRequestFields promptVariables
    additionalModelResponseFieldPaths requestMetadata performanceConfig serviceTier outputConfig modelId"""
BLOCKS = ("text", "image", "document", "video", "audio", "toolUse", "toolResult", "guardContent", "cachePoint", "reasoningContent",
          "citationsContent", "searchResult")
ID = r"[a-zA-Z0-9_.:-]{1,64}"
NAME = r"[a-zA-Z0-9_-]{1,64}"


class Converse(Vendor):
    word, kind, base = "converse", "bedrock", ""
    # The colon is part of such a name, and encoded in the address.
    model = "eu.anthropic.claude-opus-4-6-v1:0"
    stream_type = "application/vnd.amazon.eventstream"

    def check(self, call: Call) -> None:
        found = re.fullmatch(r"/model/([^/]+)/(converse|converse-stream)", call.path)
        if not found:
            raise Refused("UnknownOperationException", 404)
        shown = call.headers.get("authorization", "")
        # A signature is not looked at, only whose it is.
        if shown != f"Bearer {self.key}" and not shown.startswith(f"AWS4-HMAC-SHA256 Credential={self.key}/"):
            raise Refused("Authentication failed: Please make sure your API Key is valid.", 403)
        if found[1] != self.model:
            raise Refused("The provided model identifier is invalid.")

    def read(self, call: Call) -> script.Ask:
        body = known(call.body, "body", "messages", FIELDS)
        extra = known(body.get("additionalModelRequestFields") or {}, "additionalModelRequestFields", "",
                      "thinking top_k anthropic_beta output_config reasoning_config")
        limits = known(body.get("inferenceConfig") or {}, "inferenceConfig", "", "maxTokens temperature topP stopSequences")
        numbers(limits, "inferenceConfig", maxTokens=(1, 10**6), temperature=(0.0, 1.0), topP=(0.0, 1.0))
        if "temperature" in limits and "topP" in limits:
            raise Refused("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
        for at, stop in enumerate(items(limits.get("stopSequences", []), "stopSequences")):
            full(stop, f"inferenceConfig.stopSequences.{at}")
        kind = thinking(extra, limits)
        thinks = kind != "disabled"
        ask = conversation(items(body["messages"], "messages", 1), kind == "enabled")
        ask.stream, ask.thinks, ask.limit = call.path.endswith("-stream"), thinks, limits.get("maxTokens")
        told = [block for block in items(body.get("system") or [], "system") if one_of(block, "system", ("text", "cachePoint")) == "text"]
        ask.system = " ".join(full(known(block, "system", "text")["text"], "system") for block in told)
        tools(body, ask)
        if thinks and not ask.must_call:
            raise Refused("Thinking may not be enabled when tool_choice forces tool use.")
        ask.must_call = True
        output(body, ask)
        return ask

    # answers

    def whole(self, reply: script.Reply, ask: script.Ask) -> Any:
        message = {"role": "assistant", "content": blocks(reply)}
        return {"output": {"message": message}, "stopReason": stop(reply), "usage": usage(reply, ask), "metrics": {"latencyMs": 412}}

    def pieces(self, reply: script.Reply, ask: script.Ask) -> Iterator[bytes]:
        yield event("messageStart", role="assistant")
        for index, block in enumerate(blocks(reply)):
            if "toolUse" in block:
                start = {"toolUseId": block["toolUse"]["toolUseId"], "name": block["toolUse"]["name"]}
                yield event("contentBlockStart", start={"toolUse": start}, contentBlockIndex=index)
            for delta in deltas(block):
                yield event("contentBlockDelta", delta=delta, contentBlockIndex=index)
            if reply.cut:
                return
            yield event("contentBlockStop", contentBlockIndex=index)
        yield event("messageStop", stopReason=stop(reply))
        yield event("metadata", usage=usage(reply, ask), metrics={"latencyMs": 412})

    def refusal(self, status: int, message: str, call: Call) -> Answer:
        kind = {403: "AccessDeniedException", 404: "ResourceNotFoundException", 429: "ThrottlingException"}.get(status, "ValidationException")
        headers = {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/", "x-amzn-requestid": "0c41e7d2"}
        return Answer({"message": message}, status, headers=headers)


# reading


def thinking(extra: Dict[str, Any], limits: Dict[str, Any]) -> str:
    wish = extra.get("thinking") or {"type": "disabled"}
    kind = word(wish.get("type"), "thinking.type", ("enabled", "adaptive", "disabled"))
    known(wish, "thinking", "type budget_tokens" if kind == "enabled" else "type", "display")
    if kind == "enabled":
        number(wish["budget_tokens"], "thinking.budget_tokens", 1024, limits.get("maxTokens", 10**6) - 1, whole=True)
    if kind != "disabled" and (limits.get("temperature", 1) != 1 or "top_k" in extra):
        raise Refused("When thinking is enabled or in adaptive mode, `temperature` may only be set to 1 and `top_k` must be unset.")
    return kind


def conversation(messages: List[Any], thinks: bool) -> script.Ask:
    ask, pending, before = script.Ask(""), Pending(), ""
    for nth, message in enumerate(messages):
        where = f"messages.{nth}"
        known(message, where, "role content")
        role = word(message["role"], f"{where}.role", ("user", "assistant"))
        given = items(message["content"], f"{where}.content", 1)
        if not before and role != "user":
            raise Refused("A conversation must start with a user message. Try again with a conversation that starts with a user message.")
        if role == before:
            raise Refused(f"roles must alternate between \"user\" and \"assistant\", but found multiple \"{role}\" roles in a row")
        if role == "user":
            asked(given, ask, pending, where)
        else:
            answered(given, pending, thinks, where)
        before = role
    if before != "user":
        raise Refused("The model does not support assistant message prefill. The conversation must end with a user message.")
    ask.results = pending.results
    return ask


def asked(given: List[Any], ask: script.Ask, pending: Pending, where: str) -> None:
    said, images, other = [], [], False
    for at, block in enumerate(given):
        place = f"{where}.content.{at}"
        kind = one_of(block, place, BLOCKS)
        if kind == "toolResult":
            if other:
                raise Refused(f"{place}: tool results must come first")
            result(known(block[kind], f"{place}.toolResult", "toolUseId content", "status"), pending, place)
        elif kind != "cachePoint":
            other = True
            if kind == "text":
                said.append(full(block["text"], f"{place}.text"))
            elif kind == "image":
                images.append(picture(block["image"], f"{place}.image"))
            else:
                raise Refused(f"This model doesn't support the {kind} content block that you provided.")
    if pending.open:
        raise Refused(f"Expected toolResult blocks at {where}.content for the following Ids: {', '.join(pending.open)}")
    if other:
        pending.settle(where)
        ask.text, ask.images = "".join(said), images


def result(block: Dict[str, Any], pending: Pending, where: str) -> None:
    word(block.get("status", "success"), f"{where}.toolResult.status", ("success", "error"))
    text = ""
    for at, part in enumerate(items(block["content"], f"{where}.toolResult.content")):
        place = f"{where}.toolResult.content.{at}"
        kind = one_of(part, place, ("json", "text", "image", "document"))
        if kind == "json":
            text += json.dumps(arguments(part["json"], place), ensure_ascii=False)
        elif kind == "text":
            text += full(part["text"], place)
        else:
            raise Refused(f"{place}: no {kind} is expected here")
    pending.result(word(block["toolUseId"], f"{where}.toolUseId", pattern=ID), text, where)


def picture(block: Any, where: str) -> Any:
    known(block, where, "format source")
    kind = word(block["format"], f"{where}.format", ("png", "jpeg", "gif", "webp"))
    if one_of(block["source"], f"{where}.source", ("bytes", "s3Location")) != "bytes":
        raise Refused("This model doesn't support the s3Uri field. Remove s3Uri and try again.")
    return image(block["source"]["bytes"], f"image/{kind}", where)


def answered(given: List[Any], pending: Pending, thinks: bool, where: str) -> None:
    """A turn of the model, as it is told again."""
    pending.settle(where)
    if thinks and any("toolUse" in block for block in given) and "reasoningContent" not in given[0]:
        raise Refused(f"The model returned the following errors: {where}.content.0.type: Expected `thinking` or `redacted_thinking`, but "
                      "found `tool_use`.")
    for at, block in enumerate(given):
        place = f"{where}.content.{at}"
        kind = one_of(block, place, BLOCKS)
        if kind == "text":
            full(block["text"], f"{place}.text")
        elif kind == "reasoningContent":
            one_of(block[kind], place, ("reasoningText",))
            thought = known(block[kind]["reasoningText"], f"{place}.reasoningText", "text", "signature")
            if thought.get("signature") != script.signature(word(thought["text"], place)):
                raise Refused(f"The model returned the following errors: {place}: Invalid `signature` in `thinking` block")
        elif kind == "toolUse":
            use = known(block[kind], f"{place}.toolUse", "toolUseId name input")
            named = word(use["name"], f"{place}.name", pattern=NAME)
            pending.call(word(use["toolUseId"], f"{place}.toolUseId", pattern=ID), named, arguments(use["input"], f"{place}.input"), place)
        elif kind != "cachePoint":
            raise Refused(f"{place}: no {kind} is expected here")


def tools(body: Dict[str, Any], ask: script.Ask) -> None:
    told = json.dumps(body["messages"])
    config = body.get("toolConfig")
    if config is None:
        if '"toolUse"' in told or '"toolResult"' in told:
            raise Refused("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
        return
    known(config, "toolConfig", "tools", "toolChoice")
    for at, tool in enumerate(items(config["tools"], "toolConfig.tools", 1)):
        where = f"toolConfig.tools.{at}"
        if one_of(tool, where, ("toolSpec", "cachePoint")) == "cachePoint":
            continue
        spec = known(tool["toolSpec"], f"{where}.toolSpec", "name inputSchema", "description strict")
        ask.tools.append(word(spec["name"], f"{where}.name", pattern=NAME))
        if "description" in spec:
            full(spec["description"], f"{where}.description")
        flag(spec.get("strict", False), f"{where}.strict")
        schema(known(spec["inputSchema"], where, "json")["json"], f"{where}.inputSchema.json")
    if "toolChoice" in config:
        ask.must_call = one_of(config["toolChoice"], "toolConfig.toolChoice", ("auto", "any", "tool")) == "auto"


def output(body: Dict[str, Any], ask: script.Ask) -> None:
    wish = known(body.get("outputConfig") or {}, "outputConfig", "", "textFormat effort")
    if "textFormat" not in wish:
        return
    form = known(wish["textFormat"], "outputConfig.textFormat", "type structure")
    word(form["type"], "outputConfig.textFormat.type", ["json_schema"])
    told = known(known(form["structure"], "structure", "jsonSchema")["jsonSchema"], "jsonSchema", "schema", "name description")
    try:
        ask.shape = schema(json.loads(word(told["schema"], "jsonSchema.schema")), "jsonSchema.schema")
    except ValueError:
        raise Refused("jsonSchema.schema: no JSON") from None
    if ask.shape.get("additionalProperties") is not False:
        raise Refused("The model returned the following errors: output_config.format.schema: For 'object' type, 'additionalProperties' must "
                      "be explicitly set to false")


# writing


def blocks(reply: script.Reply) -> List[Dict[str, Any]]:
    said: List[Dict[str, Any]] = []
    if reply.thought:
        said.append({"reasoningContent": {"reasoningText": {"text": reply.thought, "signature": script.signature(reply.thought)}}})
    if reply.text:
        said.append({"text": reply.text})
    for called in reply.calls:
        said.append({"toolUse": {"toolUseId": f"tooluse_{called.ident}", "name": called.name, "input": called.given}})
    return said


def deltas(block: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    if "text" in block:
        yield from ({"text": piece} for piece in parts_of(block["text"]))
    elif "toolUse" in block:
        pieces = ["", *parts_of(json.dumps(block["toolUse"]["input"], ensure_ascii=False))]
        yield from ({"toolUse": {"input": piece}} for piece in pieces)
    else:
        thought = block["reasoningContent"]["reasoningText"]
        yield from ({"reasoningContent": {"text": piece}} for piece in parts_of(thought["text"]))
        yield {"reasoningContent": {"signature": thought["signature"]}}


def stop(reply: script.Reply) -> str:
    return {"end": "end_turn", "calls": "tool_use", "length": "max_tokens"}[reply.stop]


def usage(reply: script.Reply, ask: script.Ask) -> Dict[str, Any]:
    written = script.written(ask, reply)
    return {
        "inputTokens": script.PROMPT - script.CACHED - script.STORED,
        "outputTokens": written,
        "totalTokens": script.PROMPT + written,
        "cacheReadInputTokens": script.CACHED,
        "cacheWriteInputTokens": script.STORED,
    }


def event(kind: str, **payload: Any) -> bytes:
    return message({":message-type": "event", ":event-type": kind, ":content-type": "application/json"}, compact({**payload, "p": "abcdefgh"}))


def message(headers: Dict[str, str], payload: bytes) -> bytes:
    """One message of an event stream: lengths, their checksum, headers, payload, the checksum of all of it."""
    head = b"".join(struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value)) + value.encode() for name, value in headers.items())
    prelude = struct.pack(">II", len(head) + len(payload) + 16, len(head))
    framed = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return framed + struct.pack(">I", zlib.crc32(framed))
