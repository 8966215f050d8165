"""The vendor's Responses API: create (JSON and stream), retrieve, list input, cancel, delete."""
from __future__ import annotations

from typing import Any, AsyncIterator, Dict, List, Optional

from .server import Answer, Request, compact
from .shapes import CREATED, digest, event_stream, fail, instance, pieces, sse, text_of, usage_of

EMPTY = {
    "error": None, "incomplete_details": None, "instructions": None, "max_output_tokens": None, "parallel_tool_calls": True,
    "previous_response_id": None, "reasoning": {"effort": None, "summary": None}, "store": True, "temperature": 1.0,
    "tool_choice": "auto", "top_p": 1.0, "truncation": "disabled", "user": None, "metadata": {},
}


class Responses:
    def __init__(self) -> None:
        self.stored: Dict[str, Dict[str, Any]] = {}
        self.inputs: Dict[str, List[Dict[str, Any]]] = {}

    def post(self, request: Request, name: str = "", what: str = "") -> Optional[Answer]:
        if what == "cancel":
            return self._cancel(name)
        if name == "input_tokens":
            return Answer({"object": "response.input_tokens", "input_tokens": len(request.body) // 4})
        if name:
            return None
        body = request.json()
        items = input_items(body["input"])
        response = self._new(body, items)
        if body.get("stream"):
            return event_stream(numbered(response_events(response)))
        return Answer(response)

    def get(self, name: str = "", what: str = "") -> Optional[Answer]:
        if name not in self.stored:
            return missing(name)
        if what == "input_items":
            return Answer({"object": "list", "data": self.inputs[name], "has_more": False})
        return Answer(self.stored[name])

    def delete(self, name: str) -> Answer:
        if not self.stored.pop(name, None):
            return missing(name)
        return Answer({"id": name, "object": "response", "deleted": True})

    def _cancel(self, name: str) -> Answer:
        if name not in self.stored:
            return missing(name)
        response = self.stored[name]
        if not response["background"]:
            return fail(400, "Only responses with background=true can be cancelled.", "invalid_request_error", None)
        response["status"] = "cancelled"
        return Answer(response)

    def _new(self, body: Dict[str, Any], items: List[Dict[str, Any]]) -> Dict[str, Any]:
        name = f"resp_{digest([body['input'], bool(body.get('background'))])}"
        background = bool(body.get("background"))
        item = output_item(body, items)
        said = item.get("arguments") or item["content"][0]["text"]
        counted = usage_of(body["input"], said)
        response = {
            "id": name, "object": "response", "created_at": CREATED, **EMPTY,
            "status": "in_progress" if background else "completed", "background": background, "model": body["model"],
            "output": [] if background else [item], "text": body.get("text", {"format": {"type": "text"}}),
            "tools": body.get("tools", []),
            "usage": {
                "input_tokens": counted["prompt_tokens"], "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": counted["completion_tokens"], "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": counted["total_tokens"],
            },
        }
        self.stored[name] = response
        self.inputs[name] = items
        return response


def missing(name: str) -> Answer:
    return fail(404, f"Response with id '{name}' not found.", "invalid_request_error", None)


def input_items(given: Any) -> List[Dict[str, Any]]:
    items = [{"role": "user", "content": [{"type": "input_text", "text": given}]}] if isinstance(given, str) else given
    return [{"id": f"msg_in_{at}", "type": "message", **item} for at, item in enumerate(items)]


def output_item(body: Dict[str, Any], items: List[Dict[str, Any]]) -> Dict[str, Any]:
    name = digest(body["input"])
    last = items[-1]
    functions = [tool for tool in body.get("tools", []) if tool["type"] == "function"]
    form = (body.get("text") or {}).get("format") or {}
    if functions and last.get("role") == "user" and body.get("tool_choice") != "none":
        arguments = compact(instance(functions[0].get("parameters") or {})).decode()
        return {
            "id": f"fc_{name}", "type": "function_call", "status": "completed", "call_id": f"call_{name}",
            "name": functions[0]["name"], "arguments": arguments,
        }
    if last["type"] == "function_call_output":
        text = f"The tool said: {text_of(last['output'])}"
    elif form.get("type") == "json_schema":
        text = compact(instance(form["schema"])).decode()
    else:
        text = f"You said: {text_of(last.get('content'))}"
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"id": f"msg_{name}", "type": "message", "status": "completed", "role": "assistant", "content": [part]}


def response_events(response: Dict[str, Any]) -> List[Dict[str, Any]]:
    started = {**response, "status": "in_progress", "output": [], "usage": None}
    events = [{"type": "response.created", "response": started}, {"type": "response.in_progress", "response": started}]
    for index, item in enumerate(response["output"]):
        at = {"item_id": item["id"], "output_index": index}
        bare = {**item, **({"content": []} if item["type"] == "message" else {"arguments": ""}), "status": "in_progress"}
        events.append({"type": "response.output_item.added", "output_index": index, "item": bare})
        events += text_events(item, at) if item["type"] == "message" else argument_events(item, at)
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    return events + [{"type": "response.completed", "response": response}]


def text_events(item: Dict[str, Any], at: Dict[str, Any]) -> List[Dict[str, Any]]:
    part = item["content"][0]
    at = {**at, "content_index": 0}
    return [
        {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []} for piece in pieces(part["text"])),
        {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []},
        {"type": "response.content_part.done", **at, "part": part},
    ]


def argument_events(item: Dict[str, Any], at: Dict[str, Any]) -> List[Dict[str, Any]]:
    return [
        *({"type": "response.function_call_arguments.delta", **at, "delta": piece} for piece in pieces(item["arguments"])),
        {"type": "response.function_call_arguments.done", **at, "name": item["name"], "arguments": item["arguments"]},
    ]


async def numbered(events: List[Dict[str, Any]]) -> AsyncIterator[bytes]:
    for number, event in enumerate(events):
        yield sse(event["type"], {**event, "sequence_number": number})
