"""The vendor's chat completions: the message it gives, whole or as a stream."""
from __future__ import annotations

import asyncio
from typing import Any, AsyncIterator, Dict, List, Optional, Tuple

from .server import Cut, compact
from .shapes import digest, instance, pieces, sse, text_of

AIDER_EDIT = """Here is the edit.

hello.py
```python
<<<<<<< SEARCH
print("hello")
=======
print("hello, world")
>>>>>>> REPLACE
```
"""


def reply(body: Dict[str, Any]) -> Tuple[Dict[str, Any], str]:
    """The assistant's message to a chat request, and its text."""
    last = body["messages"][-1]
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        text = compact(instance(form["json_schema"]["schema"])).decode()
    elif body.get("tools") and last["role"] == "user" and body.get("tool_choice") != "none":
        function = body["tools"][0]["function"]
        arguments = compact(instance(function.get("parameters", {}))).decode()
        called = {"name": function["name"], "arguments": arguments}
        call = {"id": f"call_{digest(body['messages'])}", "type": "function", "function": called}
        return {"role": "assistant", "content": None, "tool_calls": [call]}, arguments
    elif last["role"] == "tool":
        text = f"The tool said: {text_of(last['content'])}"
    else:
        text = AIDER_EDIT if body["model"] == "aider-edit" else f"You said: {text_of(last['content'])}"
    return {"role": "assistant", "content": text}, text


def deltas(message: Dict[str, Any]) -> List[Dict[str, Any]]:
    """A message cut into the steps of its stream."""
    if not message.get("tool_calls"):
        first = {"role": "assistant", "content": "", "refusal": None}
        return [first] + [{"content": piece} for piece in pieces(message["content"])]
    call = message["tool_calls"][0]
    opened = {"index": 0, **call, "function": {"name": call["function"]["name"], "arguments": ""}}
    steps: List[Dict[str, Any]] = [{"role": "assistant", "content": None, "tool_calls": [opened], "refusal": None}]
    for piece in pieces(call["function"]["arguments"]):
        steps.append({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    return steps


async def chat_stream(
    body: Dict[str, Any], message: Dict[str, Any], head: Dict[str, Any], reason: str, usage: Dict[str, Any]
) -> AsyncIterator[bytes]:
    asked = body.get("stream_options") or {}
    model = body["model"]

    def chunk(choices: List[Dict[str, Any]], counted: Any = None) -> bytes:
        fields = {**head, "choices": choices}
        if asked.get("include_usage"):
            fields["usage"] = counted
        if asked.get("include_obfuscation", True):
            fields["obfuscation"] = digest(choices)[: 4 + len(choices)]
        return sse(None, fields)

    def choice(delta: Dict[str, Any], finish: Optional[str] = None) -> List[Dict[str, Any]]:
        return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]

    for number, delta in enumerate(deltas(message)):
        if number == 2 and model == "stream-error":
            broken = {"message": "The stream broke, says the vendor.", "type": "server_error", "param": None, "code": None}
            yield sse(None, {"error": broken})
            return
        if number == 2 and model == "stream-cut":
            raise Cut
        event = chunk(choice(delta))
        if model == "split-bytes":
            for at in range(0, len(event), 7):
                yield event[at : at + 7]
                await asyncio.sleep(0)
        else:
            yield event
    while model == "slow":
        await asyncio.sleep(0.05)
        yield chunk(choice({"content": "."}))
    yield chunk(choice({}, reason))
    if asked.get("include_usage"):
        yield chunk([], usage)
    yield b"data: [DONE]\n\n"
