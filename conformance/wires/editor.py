"""A model that edits a file, whatever the wire: it takes the tool for it that it is offered, and says so when it has heard how that went."""
from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Type

from . import script
from .base import Call, Refused, Vendor
from .chat import Chat

CLOSING = "The greeting is a German one now: done 🏔."


@dataclass(frozen=True)
class Task:
    """What is to be done: one line of one file becomes another."""

    file: Path
    old: str
    new: str


@dataclass
class Told:
    """What a request tells of tools: those that may be called, the calls there were, and what came of them."""

    tools: Dict[str, Dict[str, Any]] = field(default_factory=dict)  # the schema by the name
    called: List[str] = field(default_factory=list)
    results: List[str] = field(default_factory=list)


class Editing(Vendor):
    """Mixed into the vendor of a wire."""

    task: Task

    def say(self, ask: script.Ask, call: Call) -> script.Reply:
        told = tell(self.word, call.body)
        said = script.Reply(thought=script.THOUGHT if ask.thinks else "")
        step = next_step(self.task, told)
        if step:
            said.stop, said.calls = "calls", [script.Called(script.digest(step[0], str(len(told.called)))[:8], *step)]
        elif ask.shape is not None:
            said.text = json.dumps(script.instance(ask.shape), ensure_ascii=False)
        else:
            said.text = CLOSING if told.called else edit_block(self.task, ask) or CLOSING
        return said


def editor(kind: Type[Vendor], task: Task) -> Vendor:
    """The vendor of a wire with that model."""
    return type(kind.__name__, (Editing, kind), {"task": task})()


class Mistral(Chat):
    """Chat completions and nothing else of OpenAI's: who speaks Responses is translated for it. Source: docs.mistral.ai, "Chat"."""

    word, kind = "mistral", "mistral"

    def read(self, call: Call) -> script.Ask:
        if "stream_options" in call.body:
            raise Refused("body.stream_options: Extra inputs are not permitted", 422)
        return super().read(call)


# reading


def tell(word: str, body: Dict[str, Any]) -> Told:
    """Each wire in its own words, for what the gateway is judged by."""
    told = Told()
    {"messages": messages, "gemini": gemini, "converse": converse}.get(word, chat)(body, told)
    return told


def chat(body: Dict[str, Any], told: Told) -> None:
    """Chat completions, and what is like them: Cohere's and Ollama's."""
    told.tools = {tool["function"]["name"]: tool["function"].get("parameters", {}) for tool in body.get("tools") or []}
    for message in body["messages"]:
        told.called += [one["function"]["name"] for one in message.get("tool_calls") or []]
        if message["role"] == "tool":
            told.results.append(written(message["content"]))


def messages(body: Dict[str, Any], told: Told) -> None:
    told.tools = {tool["name"]: tool["input_schema"] for tool in body.get("tools", [])}
    for block in parts(body["messages"], "content"):
        if block["type"] == "tool_use":
            told.called.append(block["name"])
        elif block["type"] == "tool_result":
            told.results.append(written(block.get("content", "")))


def gemini(body: Dict[str, Any], told: Told) -> None:
    for tool in body.get("tools", []):
        for one in tool.get("functionDeclarations", []):
            told.tools[one["name"]] = one.get("parametersJsonSchema", one.get("parameters", {}))
    for part in parts(body["contents"], "parts"):
        if "functionCall" in part:
            told.called.append(part["functionCall"]["name"])
        elif "functionResponse" in part:
            told.results.append(written(part["functionResponse"]["response"]))


def converse(body: Dict[str, Any], told: Told) -> None:
    specs = [tool["toolSpec"] for tool in (body.get("toolConfig") or {}).get("tools", []) if "toolSpec" in tool]
    told.tools = {spec["name"]: spec["inputSchema"]["json"] for spec in specs}
    for block in parts(body["messages"], "content"):
        if "toolUse" in block:
            told.called.append(block["toolUse"]["name"])
        elif "toolResult" in block:
            told.results.append(written(block["toolResult"]["content"]))


def parts(turns: List[Dict[str, Any]], name: str) -> Iterator[Dict[str, Any]]:
    return (part for turn in turns if isinstance(turn[name], list) for part in turn[name])


def written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# the model


def next_step(task: Task, told: Told) -> Optional[Tuple[str, Dict[str, Any]]]:
    """The file is read where there is a tool for that, as some want it before they write; then it is edited, once."""
    reading, editing = reader(told.tools), writer(told.tools)
    if not editing or editing in told.called:
        return None
    name = reading if reading and reading not in told.called else editing
    return name, filled(name, told.tools[name], task)


def reader(tools: Dict[str, Dict[str, Any]]) -> Optional[str]:
    return next((name for name in tools if name.lower() in ("read", "read_file")), None)


def writer(tools: Dict[str, Dict[str, Any]]) -> Optional[str]:
    """The tool that replaces a text, or takes a patch, or else a shell, or a program that has one."""
    takes = {name: {part.replace("_", "").lower() for part in schema.get("properties", {})} for name, schema in tools.items()}
    found = [name for name, parts in takes.items() if {"oldstring", "newstring"} <= parts]
    found += [name for name in takes if name.endswith("apply_patch")]
    found += [name for name, parts in takes.items() if parts & {"cmd", "command"}]
    found += [name for name, parts in takes.items() if name.endswith("exec") and "input" in parts]
    return next(iter(found), None)


def filled(tool: str, schema: Dict[str, Any], task: Task) -> Dict[str, Any]:
    """What this task is about, and of the rest what has to be given."""
    known = {name: given(tool, name, part, task) for name, part in schema.get("properties", {}).items()}
    wanted = schema.get("required", [])
    return {name: script.instance(schema["properties"][name], schema) if value is None else value
            for name, value in known.items() if value is not None or name in wanted}


def given(tool: str, name: str, schema: Dict[str, Any], task: Task) -> Any:
    """A parameter by its name, which is what a model goes by too."""
    shell = f"sed -i s/{shlex.quote(task.old)}/{shlex.quote(task.new)}/ {shlex.quote(task.file.name)}"
    program = f"text(await tools.exec_command({json.dumps({'cmd': shell}, ensure_ascii=False)}));"
    return {
        "filepath": str(task.file),
        "oldstring": task.old,
        "newstring": task.new,
        "input": patch(task) if tool.endswith("apply_patch") else program,
        "cmd": shell,
        "command": ["bash", "-c", shell] if str(schema.get("type")).lower() == "array" else shell,
    }.get(name.replace("_", "").lower())


def patch(task: Task) -> str:
    return f"*** Begin Patch\n*** Update File: {task.file.name}\n@@\n-{task.old}\n+{task.new}\n*** End Patch\n"


def edit_block(task: Task, ask: script.Ask) -> str:
    """The edit in the text, as one tool teaches it in place of tools; nothing where it is not taught."""
    if "SEARCH/REPLACE" not in ask.system:
        return ""
    return f"{CLOSING}\n\n{task.file.name}\n```\n<<<<<<< SEARCH\n{task.old}\n=======\n{task.new}\n>>>>>>> REPLACE\n```\n"
