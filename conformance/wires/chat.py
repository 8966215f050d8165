"""Chat completions, as a service that thinks has them. Source: platform.openai.com, "Chat"; api-docs.deepseek.com, "Reasoning"."""
from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List, Tuple

from . import script, vectors
from .base import (Answer, Call, Pending, Refused, Vendor, flag, image, items, known, numbers, one_of, parts_of, schema,
                   sse, word)

FIELDS = """frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens metadata modalities n
    parallel_tool_calls prediction presence_penalty prompt_cache_key reasoning_effort response_format safety_identifier seed
    service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity"""
THOUGHTS = "reasoning_content reasoning"
NAME = r"[a-zA-Z0-9_-]{1,64}"
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")


class Chat(Vendor):
    """A service of chat completions alone: it has no Responses."""

    word, kind, base = "chat", "openai-compatible", "/v1"
    thought = "reasoning_content"  # its word for it
    wants_thoughts = False  # back, with the calls they led to
    longest_user = 64  # characters
    others = {"/v1/embeddings": vectors.openai, "/v1/rerank": vectors.jina_order}

    def check(self, call: Call) -> None:
        if call.path not in ("/v1/chat/completions", *self.others):
            raise Refused(f"Invalid URL (POST {call.path})", 404)
        if call.headers.get("authorization") != f"Bearer {self.key}":
            raise Refused("Incorrect API key provided.", 401)

    def read(self, call: Call) -> script.Ask:
        body = known(call.body, "body", "model messages", FIELDS)
        if body["model"] != self.model:
            raise Refused(f"The model `{body['model']}` does not exist", 404)
        numbers(body, "body", temperature=(0.0, 2.0), top_p=(0.0, 1.0), frequency_penalty=(-2.0, 2.0), presence_penalty=(-2.0, 2.0),
                max_tokens=(1, 10**6), max_completion_tokens=(1, 10**6), n=(1, 1), top_logprobs=(0, 20))
        if len(word(body.get("user", ""), "user")) > self.longest_user:
            raise Refused(f"Invalid 'user': string too long. Expected a string with maximum length {self.longest_user}.")
        thinks = word(body.get("reasoning_effort", "none"), "reasoning_effort", EFFORTS) != "none"
        ask = conversation(items(body["messages"], "messages", 1), thinks and self.wants_thoughts)
        ask.thinks = thinks
        ask.model, ask.stream = body["model"], flag(body.get("stream", False), "stream")
        if "stream_options" in body and not ask.stream:
            raise Refused("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
        ask.limit = body.get("max_completion_tokens", body.get("max_tokens"))
        tools(body, ask)
        shape(body, ask)
        return ask

    # answers

    def whole(self, reply: script.Reply, ask: script.Ask) -> Any:
        message: Dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
        if reply.thought:
            message[self.thought] = reply.thought
        if reply.calls:
            message["tool_calls"] = [{"id": ident(called), "type": "function", "function": function(called)} for called in reply.calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish(reply)}
        return {**frame("chat.completion"), "choices": [choice], "usage": self.usage(reply, ask)}

    def pieces(self, reply: script.Reply, ask: script.Ask) -> Iterator[bytes]:
        def chunk(delta: Any, reason: Any = None) -> bytes:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
            return sse({**frame("chat.completion.chunk"), "choices": [choice]})

        yield chunk({"role": "assistant", "content": "" if reply.text else None})
        for piece in parts_of(reply.thought):
            yield chunk({self.thought: piece})
        for piece in parts_of(reply.text):
            yield chunk({"content": piece})
        if reply.cut:
            return
        for index, called in enumerate(reply.calls):
            start = {"index": index, "id": ident(called), "type": "function", "function": {"name": called.name, "arguments": ""}}
            yield chunk({"tool_calls": [start]})
            for piece in parts_of(function(called)["arguments"]):
                yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        yield chunk({}, finish(reply))
        yield sse({**frame("chat.completion.chunk"), "choices": [], "usage": self.usage(reply, ask)})
        yield b"data: [DONE]\n\n"

    def usage(self, reply: script.Reply, ask: script.Ask) -> Dict[str, Any]:
        return {
            **counts(reply, ask),
            "prompt_tokens_details": {"cached_tokens": script.CACHED},
            "completion_tokens_details": {"reasoning_tokens": reply.thinking},
        }

    def refusal(self, status: int, message: str, call: Call) -> Answer:
        kind = {429: "requests", 401: "invalid_request_error"}.get(status, "invalid_request_error")
        code = {429: "rate_limit_exceeded", 401: "invalid_api_key", 404: "model_not_found"}.get(status)
        return Answer({"error": {"message": message, "type": kind, "param": None, "code": code}}, status)


class Deepseek(Chat):
    """It wants its thoughts back with the calls they led to, knows no schema of an answer, and cannot be made to call a tool. Source:
    api-docs.deepseek.com, "Thinking Mode", "Tool Calls", "JSON Output"."""

    word, kind, wants_thoughts = "deepseek", "deepseek", True
    longest_user = 10**6  # none is told

    def read(self, call: Call) -> script.Ask:
        ask = super().read(call)
        if ask.shape is not None:
            raise Refused("This response_format type is unavailable now")
        if call.body.get("tool_choice", "auto") not in ("auto", "none"):
            raise Refused("deepseek-reasoner does not support this tool_choice")
        return ask


class Cerebras(Chat):
    """A vendor that is known to have no Responses."""

    word, kind = "cerebras", "cerebras"


# reading


def conversation(messages: List[Any], thoughtful: bool) -> script.Ask:
    ask, pending = script.Ask(""), Pending()
    for nth, message in enumerate(messages):
        where = f"messages[{nth}]"
        role = word(message.get("role"), f"{where}.role", ("system", "developer", "user", "assistant", "tool"))
        if role == "tool":
            known(message, where, "role content tool_call_id")
            pending.result(message["tool_call_id"], texts(message["content"], where), where)
            continue
        if role == "assistant":
            pending.settle(where)
            answered(message, pending, thoughtful, where)
            continue
        known(message, where, "role content", "name")
        if role == "user":
            pending.settle(where)
            ask.text, ask.images = content(message["content"], where)
        else:
            if pending.open:
                pending.settle(where)
            ask.system = " ".join(filter(None, [ask.system, texts(message["content"], where)]))
    if pending.open:
        raise Refused("An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
                      f"The following did not have response messages: {', '.join(pending.open)}")
    ask.results = pending.results
    return ask


def answered(message: Dict[str, Any], pending: Pending, thoughtful: bool, where: str) -> None:
    """A turn of the model, as it is told again."""
    known(message, where, "role", f"content tool_calls name refusal audio function_call annotations parsed {THOUGHTS}")
    calls = message.get("tool_calls")
    if thoughtful and calls and message.get("reasoning_content") != script.THOUGHT:
        raise Refused(f"The `reasoning_content` in the thinking mode must be passed back to the API: {where}")
    if calls is None and not message.get("content"):
        raise Refused(f"{where}: an assistant message must have either content or tool_calls")
    if message.get("content") is not None:
        texts(message["content"], where)
    for at, one in enumerate(items(calls, f"{where}.tool_calls", 1) if calls is not None else []):
        place = f"{where}.tool_calls[{at}]"
        known(one, place, "id type function", "index")  # the SDK's own helper leaves that in
        word(one["type"], f"{place}.type", ["function"])
        known(one["function"], f"{place}.function", "name arguments", "parsed_arguments")
        try:
            given = json.loads(word(one["function"]["arguments"], f"{place}.function.arguments"))
        except ValueError:
            raise Refused(f"{place}.function.arguments: no JSON") from None
        pending.call(word(one["id"], f"{place}.id", pattern=".{1,64}"), word(one["function"]["name"], place, pattern=NAME), given, place)


def content(given: Any, where: str) -> Tuple[str, List[Tuple[str, int]]]:
    """Text and images of a user."""
    if isinstance(given, str):
        return given, []
    text, images = [], []
    for at, part in enumerate(items(given, f"{where}.content", 1)):
        place = f"{where}.content[{at}]"
        kind = word(part.get("type"), f"{place}.type", ("text", "image_url", "input_audio", "file"))
        if kind == "text":
            text.append(word(known(part, place, "type text")["text"], place))
        elif kind == "image_url":
            url = word(known(known(part, place, "type image_url")["image_url"], place, "url", "detail")["url"], place)
            images.append(data_url(url, place))
        else:
            raise Refused(f"{place}: this model takes no {kind}")
    return "".join(text), images


def data_url(url: str, where: str) -> Tuple[str, int]:
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        raise Refused(f"{where}: failed to download image from {url[:40]}")
    return image(data, head[5:-7], where)


def texts(given: Any, where: str) -> str:
    if isinstance(given, str):
        return given
    parts = items(given, f"{where}.content", 1)
    for part in parts:
        word(known(part, where, "type text")["type"], where, ["text"])
    return "".join(word(part["text"], where) for part in parts)


def tools(body: Dict[str, Any], ask: script.Ask) -> None:
    if "tools" not in body:
        if "tool_choice" in body or "parallel_tool_calls" in body:
            raise Refused("'tool_choice' and 'parallel_tool_calls' are only allowed when 'tools' are specified.")
        return
    for at, tool in enumerate(items(body["tools"], "tools", 1)):
        where = f"tools[{at}]"
        word(known(tool, where, "type function")["type"], where, ["function"])
        known(tool["function"], f"{where}.function", "name", "description parameters strict")
        ask.tools.append(word(tool["function"]["name"], f"{where}.function.name", pattern=NAME))
        if "parameters" in tool["function"]:
            ask.schemas[ask.tools[-1]] = schema(tool["function"]["parameters"], f"{where}.function.parameters")
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, str):
        ask.must_call = word(choice, "tool_choice", ("auto", "none", "required")) != "none"
    elif one_of(choice, "tool_choice", ("function", "allowed_tools", "custom")) == "function":
        known(choice["function"], "tool_choice.function", "name")


def shape(body: Dict[str, Any], ask: script.Ask) -> None:
    form = body.get("response_format")
    if form is None:
        return
    kind = word(form.get("type"), "response_format.type", ("text", "json_object", "json_schema"))
    if kind != "json_schema":
        return
    known(form, "response_format", "type json_schema")
    named = known(form["json_schema"], "response_format.json_schema", "name", "description schema strict")
    word(named["name"], "response_format.json_schema.name", pattern=NAME)
    ask.shape = schema(named.get("schema"), "response_format.json_schema.schema")
    if named.get("strict") and ask.shape.get("additionalProperties") is not False:
        raise Refused("Invalid schema for response_format: In context=(), 'additionalProperties' is required to be supplied and to be false.")


# writing


def ident(called: script.Called) -> str:
    # As some services write theirs; not every other wire takes a dot and a colon.
    return f"functions.{called.name}:{called.ident}"


def function(called: script.Called) -> Dict[str, str]:
    return {"name": called.name, "arguments": json.dumps(called.given, ensure_ascii=False)}


def finish(reply: script.Reply) -> str:
    return {"end": "stop", "calls": "tool_calls", "length": "length"}[reply.stop]


def frame(kind: str) -> Dict[str, Any]:
    return {"id": "chatcmpl-9f1c", "object": kind, "created": 1_760_000_000, "model": Chat.model, "system_fingerprint": None}


def counts(reply: script.Reply, ask: script.Ask) -> Dict[str, Any]:
    written = script.written(ask, reply)
    return {"prompt_tokens": script.PROMPT, "completion_tokens": written, "total_tokens": script.PROMPT + written}
