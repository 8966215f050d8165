"""Gemini. Source: ai.google.dev, "generateContent", "Function calling", "Thought signatures", "Structured output"."""
from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List

from . import script, vectors
from .base import BUSY, RETRY_AFTER, Answer, Call, Pending, Refused, Vendor, arguments, flag, image, items, known, numbers, parts_of, schema, sse, word

# Fields may be written in either spelling.
FIELDS = """tools toolConfig safetySettings systemInstruction generationConfig cachedContent serviceTier store model"""
SETTINGS = """stopSequences responseMimeType responseSchema responseJsonSchema _responseJsonSchema responseModalities candidateCount
    maxOutputTokens temperature topP topK seed presencePenalty frequencyPenalty responseLogprobs logprobs thinkingConfig mediaResolution
    speechConfig imageConfig enableEnhancedCivicAnswers"""
PART = """text thought thoughtSignature inlineData fileData functionCall functionResponse executableCode codeExecutionResult
    videoMetadata partMetadata mediaResolution"""
# The subset of OpenAPI a `Schema` is; anything else in one is an unknown name.
SCHEMA = {"type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required", "minProperties",
          "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering", "default", "items", "minimum", "maximum"}
TYPES = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL", "TYPE_UNSPECIFIED"}
# What may stand in for a mark that somebody else's calls do not have: as it is written, or as an SDK writes bytes.
DUMMIES = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go", "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=")
NAME = r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}"
LEVELS = ("minimal", "low", "medium", "high", "MINIMAL", "LOW", "MEDIUM", "HIGH")


class Gemini(Vendor):
    word, kind, base = "gemini", "gemini", "/v1beta"
    model = "gemini-real-1"
    others = {f"/{version}/models/gemini-real-1:batchEmbedContents": vectors.gemini for version in ("v1", "v1beta")}

    def check(self, call: Call) -> None:
        found = re.fullmatch(r"/v1(?:beta)?/models/([^/:]+):(generateContent|streamGenerateContent|batchEmbedContents)", call.path)
        if not found:
            raise Refused(f"{call.path} was not found on this server.", 404)
        if call.headers.get("x-goog-api-key", call.query.get("key")) != self.key:
            raise Refused("API key not valid. Please pass a valid API key.")
        if found[1] != self.model:
            raise Refused(f"models/{found[1]} is not found for API version v1beta, or is not supported for generateContent.", 404)
        if found[2] == "streamGenerateContent" and call.query.get("alt") != "sse":
            raise Refused("this vendor streams events only")

    def read(self, call: Call) -> script.Ask:
        body = fields(call.body, "request", "contents", FIELDS)
        ask = conversation(items(body["contents"], "contents", 1))
        ask.stream = "streamGenerateContent" in call.path
        if body.get("systemInstruction") is not None:
            told = fields(body["systemInstruction"], "system_instruction", "parts", "role")
            ask.system = " ".join(part_text(part, "system_instruction") for part in items(told["parts"], "system_instruction.parts", 1))
        tools(body, ask)
        settings(fields(body.get("generationConfig", {}), "generation_config", "", SETTINGS), ask)
        return ask

    # answers

    def whole(self, reply: script.Reply, ask: script.Ask) -> Any:
        return frame(parts(reply), reply, ask, finish(reply))

    def pieces(self, reply: script.Reply, ask: script.Ask) -> Iterator[bytes]:
        for piece in parts_of(reply.thought):
            yield sse(frame([{"text": piece, "thought": True}], reply, ask))
        for piece in parts_of(reply.text):
            yield sse(frame([{"text": piece}], reply, ask))
        if reply.cut:
            return
        for part in (part for part in parts(reply) if "functionCall" in part):
            yield sse(frame([part], reply, ask))
        yield sse(frame([{"text": ""}], reply, ask, finish(reply)))

    def refusal(self, status: int, message: str, call: Call) -> Answer:
        word = {404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}.get(status, "INVALID_ARGUMENT")
        error: Dict[str, Any] = {"code": status, "message": message, "status": word}
        if message.startswith("API key"):
            info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
            error["details"] = [info]
        return Answer({"error": error}, status)

    def busy(self, call: Call) -> Answer:
        """Its wait stands in the body and not in a header."""
        answer = self.refusal(429, BUSY, call)
        answer.body["error"]["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{RETRY_AFTER}s"}]
        return answer


# reading


def camel(name: str) -> str:
    return name[0] + re.sub("_([a-z])", lambda found: found[1].upper(), name[1:])


def plain(text: str) -> str:
    """Bytes may be written in either alphabet of base64, with and without what fills them up."""
    text = text.replace("-", "+").replace("_", "/").rstrip("=")
    return text + "=" * (-len(text) % 4)


def fields(value: Any, where: str, need: str = "", may: str = "") -> Dict[str, Any]:
    """An object of known fields, in the one spelling."""
    if not isinstance(value, dict):
        raise Refused(f"Invalid value at '{where}'")
    plain = {camel(name): given for name, given in value.items()}
    for name in value:
        if camel(name) not in {*need.split(), *may.split()}:
            raise Refused(f'Invalid JSON payload received. Unknown name "{name}" at \'{where}\': Cannot find field.')
    return known(plain, where, need, may)


def conversation(contents: List[Any]) -> script.Ask:
    ask, pending, before = script.Ask(""), Pending(), ""
    for nth, content in enumerate(contents):
        where = f"contents[{nth}]"
        content = fields(content, where, "parts", "role")
        role = word(content.get("role", "user"), f"{where}.role", ("user", "model"))
        given = [fields(part, f"{where}.parts[{at}]", "", PART) for at, part in enumerate(items(content["parts"], f"{where}.parts", 1))]
        if role == "user":
            asked(given, ask, pending, where)
        elif not before or before == "model" or pending.open:
            raise Refused("Please ensure that function call turn comes immediately after a user turn or after a function response turn.")
        else:
            answered(given, pending, where)
        before = role
    if before != "user" or pending.open:
        raise Refused("Please ensure that single turn requests end with a user role or the role field is empty.")
    ask.results, ask.unmarked = pending.results, pending.unmarked
    return ask


def asked(given: List[Dict[str, Any]], ask: script.Ask, pending: Pending, where: str) -> None:
    results = [part["functionResponse"] for part in given if "functionResponse" in part]
    if pending.open and len(results) != len(pending.open):
        raise Refused("Please ensure that the number of function response parts is equal to the number of function call parts of the "
                      "function call turn.")
    for result in results:
        respond(fields(result, f"{where}.function_response", "name response", "id willContinue scheduling parts"), pending, where)
    said, images = [], []
    for at, part in enumerate(given):
        place = f"{where}.parts[{at}]"
        if "inlineData" in part:
            blob = fields(part["inlineData"], f"{place}.inline_data", "mimeType data", "displayName")
            images.append(image(plain(blob["data"]), blob["mimeType"], place))
        elif "fileData" in part:
            raise Refused(f"{place}: Cannot fetch content from the provided URL.")
        elif "functionResponse" not in part:
            said.append(part_text(part, place))
    if said or images:
        pending.settle(where)
        ask.text, ask.images = "".join(said), images


def respond(result: Dict[str, Any], pending: Pending, where: str) -> None:
    """An answer finds its call by its id or, without one, by its name."""
    name, response = word(result["name"], where, pattern=NAME), arguments(result["response"], f"{where}.function_response.response")
    open_ones = [key for key, called in pending.open.items() if called.name == name and result.get("id", key) == key]
    if not open_ones:
        raise Refused(f"{where}: function response {name!r} of id {result.get('id')!r} answers no function call")
    text = response.get("result", response.get("output", response.get("error")))
    pending.result(open_ones[0], text if isinstance(text, str) else str(response), where)


def answered(given: List[Dict[str, Any]], pending: Pending, where: str) -> None:
    """A turn of the model, as it is told again. The first call of one bears the mark that was given with it."""
    pending.settle(where)
    first = True
    for at, part in enumerate(given):
        place = f"{where}.parts[{at}]"
        if "functionCall" not in part:
            part_text(part, place)
            continue
        call = fields(part["functionCall"], f"{place}.function_call", "name", "id args")
        name, given_args = word(call["name"], place, pattern=NAME), arguments(call.get("args", {}), f"{place}.args")
        mark = part.get("thoughtSignature", part.get("thought_signature"))
        if first and mark in DUMMIES:
            mark, pending.unmarked = script.signature(name), pending.unmarked + 1
        if first and mark is None:
            raise Refused(f"Function call is missing a thought_signature in functionCall parts. Function call `{name}`, {place}.")
        if mark is not None and plain(mark) != (script.signature(name) if first else None):
            raise Refused(f"Thought signature is not valid: {place}")
        first = False
        pending.call(word(call.get("id", f"{where} {at}"), place), name, given_args, place)


def part_text(part: Any, where: str) -> str:
    told = fields(part, where, "text", "thought thoughtSignature")
    return "" if told.get("thought") else word(told["text"], where)


def tools(body: Dict[str, Any], ask: script.Ask) -> None:
    for at, tool in enumerate(items(body.get("tools", []), "tools")):
        where = f"tools[{at}]"
        declared = fields(tool, where, "", "functionDeclarations googleSearch codeExecution urlContext")
        for nth, function in enumerate(items(declared.get("functionDeclarations", []), where)):
            place = f"{where}.function_declarations[{nth}]"
            one = fields(function, place, "name", "description parameters parametersJsonSchema behavior response responseJsonSchema")
            ask.tools.append(word(one["name"], f"{place}.name", pattern=NAME))
            if "parameters" in one and "parametersJsonSchema" in one:
                raise Refused(f"{place}: parameters and parameters_json_schema may not both be set")
            if "parameters" in one:
                openapi(one["parameters"], f"{place}.parameters")
            if "parametersJsonSchema" in one:
                schema(one["parametersJsonSchema"], f"{place}.parameters_json_schema")
    config = fields(body.get("toolConfig", {}), "tool_config", "", "functionCallingConfig retrievalConfig includeServerSideToolInvocations")
    calling = fields(config.get("functionCallingConfig", {}), "function_calling_config", "", "mode allowedFunctionNames")
    mode = word(calling.get("mode", "AUTO").upper(), "function_calling_config.mode", ("AUTO", "ANY", "NONE", "VALIDATED", "MODE_UNSPECIFIED"))
    if calling.get("allowedFunctionNames") and mode not in ("ANY", "VALIDATED"):
        raise Refused("Function calling config is set without ANY mode; allowed_function_names must be empty.")
    ask.must_call = mode != "NONE"


def openapi(value: Any, where: str) -> None:
    """A `Schema`: OpenAPI's, and no more than its subset."""
    if not isinstance(value, dict):
        raise Refused(f"Invalid value at '{where}'")
    for name, given in value.items():
        if camel(name) not in SCHEMA:
            raise Refused(f'Invalid JSON payload received. Unknown name "{name}" at \'{where}\': Cannot find field.')
        if name == "type":
            word(str(given).upper() if isinstance(given, str) else given, f"{where}.type", TYPES)
        elif name == "properties":
            for key, one in given.items():
                openapi(one, f"{where}.properties[{key}]")
        elif name == "items":
            openapi(given, f"{where}.items")
        elif camel(name) == "anyOf":
            for at, one in enumerate(given):
                openapi(one, f"{where}.any_of[{at}]")
        elif name == "enum" and not all(isinstance(one, str) for one in given):
            raise Refused(f"Invalid value at '{where}.enum' (TYPE_STRING)")


def settings(config: Dict[str, Any], ask: script.Ask) -> None:
    numbers(config, "generation_config", temperature=(0.0, 2.0), topP=(0.0, 1.0), topK=(1.0, 1000.0), maxOutputTokens=(1, 10**6),
            candidateCount=(1, 1))
    if len(config.get("stopSequences", [])) > 5:
        raise Refused("generation_config.stop_sequences: at most 5")
    ask.limit = config.get("maxOutputTokens")
    thoughts = fields(config.get("thinkingConfig", {}), "thinking_config", "", "includeThoughts thinkingBudget thinkingLevel")
    if "thinkingBudget" in thoughts and "thinkingLevel" in thoughts:
        raise Refused("You can only set only one of thinking budget and thinking level.")
    if "thinkingLevel" in thoughts:
        word(thoughts["thinkingLevel"], "thinking_config.thinking_level", LEVELS)
    ask.thinks = flag(thoughts.get("includeThoughts", False), "include_thoughts")
    shapes = [config[name] for name in ("responseSchema", "responseJsonSchema", "_responseJsonSchema") if name in config]
    if len(shapes) > 1:
        raise Refused("response_schema and response_json_schema may not both be set")
    if not shapes:
        return
    if config.get("responseMimeType") != "application/json":
        raise Refused("response_schema is only supported with response_mime_type application/json")
    if "responseSchema" in config:
        openapi(config["responseSchema"], "generation_config.response_schema")
    ask.shape = shapes[0]


# writing


def parts(reply: script.Reply) -> List[Dict[str, Any]]:
    said: List[Dict[str, Any]] = []
    if reply.thought:
        said.append({"text": reply.thought, "thought": True})
    if reply.text:
        said.append({"text": reply.text})
    for at, called in enumerate(reply.calls):
        part: Dict[str, Any] = {"functionCall": {"id": called.ident, "name": called.name, "args": called.given}}
        if at == 0:
            part["thoughtSignature"] = script.signature(called.name)
        said.append(part)
    return said


def finish(reply: script.Reply) -> str:
    return "MAX_TOKENS" if reply.stop == "length" else "STOP"


def frame(said: List[Dict[str, Any]], reply: script.Reply, ask: script.Ask, reason: str = "") -> Dict[str, Any]:
    candidate: Dict[str, Any] = {"content": {"parts": said, "role": "model"}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "usageMetadata": usage(reply, ask, bool(reason)), "modelVersion": Gemini.model, "responseId": "l9cEarvc"}


def usage(reply: script.Reply, ask: script.Ask, last: bool) -> Dict[str, Any]:
    """The counts of every chunk are those up to it; thoughts are counted beside what is said."""
    written = script.written(ask, reply) - reply.thinking if last else 1
    counts = {"promptTokenCount": script.PROMPT, "cachedContentTokenCount": script.CACHED, "candidatesTokenCount": written}
    if reply.thinking:
        counts["thoughtsTokenCount"] = reply.thinking
    return {**counts, "totalTokenCount": script.PROMPT + written + reply.thinking}
