"""Cohere's SDK: chat, embed and rerank, version 2."""
import importlib.metadata
import json

import cohere
import httpx
from asking import (ABOUT, API_KEY, BASE_URL, BUSY, CACHED, CUT, DOCUMENTS, EMBEDS, GIVEN, HEARD, LIMIT, MODEL, OBEYED, ORDER, PNG64, PROMPT,
                    READ, RERANKS, RESULTS, RETRY_AFTER, SAID, SCHEMAS, SEEN, SYSTEM, TEXTS, THOUGHT, TRIP, TRIP_SAID, TRUNCATED, VECTORS,
                    WRITTEN, called, case, equal, expect, run)

client = cohere.ClientV2(api_key=API_KEY, base_url=BASE_URL, max_retries=0, log_warning_experimental_features=False)
TOOLS = [{"type": "function", "function": {"name": name, "description": ABOUT[name], "parameters": SCHEMAS[name]}} for name in GIVEN]
THINK = {"type": "enabled", "token_budget": 1024}


class Heard:
    """An answer: what it says, why it ended, what it cost, and itself for the next turn."""

    def __init__(self, said, thought, calls, reason, usage, plan=""):
        self.text, self.thought, self.calls, self.reason, self.usage = said, thought, calls, reason, usage
        content = [{"type": "thinking", "thinking": thought}] if thought else []
        content += [{"type": "text", "text": said}] if said else []
        told = [{"id": ident, "type": "function", "function": {"name": name, "arguments": given}} for ident, name, given in calls]
        named = {"content": content, "tool_calls": told, "tool_plan": plan}
        self.message = {"role": "assistant", **{name: value for name, value in named.items() if value}}


def messages(given):
    return given if isinstance(given, list) else [{"role": "user", "content": given}]


def whole(given, **options):
    answer = client.chat(model=MODEL, messages=messages(given), **options)
    content = answer.message.content or []
    said = "".join(part.text for part in content if part.type == "text")
    thought = "".join(part.thinking for part in content if part.type == "thinking")
    calls = [(call.id, call.function.name, call.function.arguments) for call in answer.message.tool_calls or []]
    return Heard(said, thought, calls, answer.finish_reason, answer.usage, answer.message.tool_plan)


def streamed(given, **options):
    said, thought, plan, calls, last = "", "", "", {}, None
    kinds = []
    for event in client.chat_stream(model=MODEL, messages=messages(given), **options):
        kinds.append(event.type)
        if event.type == "content-delta":
            said += event.delta.message.content.text or ""
            thought += event.delta.message.content.thinking or ""
        elif event.type == "tool-plan-delta":
            plan += event.delta.message.tool_plan
        elif event.type == "tool-call-start":
            call = event.delta.message.tool_calls
            calls[event.index] = [call.id, call.function.name, call.function.arguments or ""]
        elif event.type == "tool-call-delta":
            calls[event.index][2] += event.delta.message.tool_calls.function.arguments
        elif event.type == "message-end":
            last = event.delta
    equal((kinds[0], kinds[-1], kinds.count("content-start")), ("message-start", "message-end", kinds.count("content-end")))
    return Heard(said, thought, [tuple(call) for call in calls.values()], last.finish_reason, last.usage, plan)


def results(calls):
    return [{"role": "tool", "tool_call_id": ident, "content": RESULTS[name]} for ident, name, _ in calls]


def answered(ask, word, **options):
    said = ask(word, **options)
    equal(said.reason, "TOOL_CALL")
    called([(ident, name, json.loads(given)) for ident, name, given in said.calls])
    equal(ask([*messages(word), said.message, *results(said.calls)], **options).text, HEARD)
    return said


def spoken(one):
    """The same case, asked for as a whole and as a stream."""
    case(one.__name__)(lambda: one(whole))
    case(f"{one.__name__}-stream")(lambda: one(streamed))
    return one


@spoken
def plain(ask):
    said = ask("say hello")
    equal((said.text, said.reason), (SAID, "COMPLETE"))


@spoken
def system(ask):
    equal(ask([{"role": "system", "content": SYSTEM}, *messages("say hello")]).text, OBEYED)


@spoken
def turns(ask):
    first = ask("say hello")
    equal(ask([*messages("say hello"), first.message, *messages("say hello")]).text, SAID)


@spoken
def tools(ask):
    answered(ask, "call", tools=TOOLS)


@spoken
def think(ask):
    said = ask("think hello", thinking=THINK)
    equal((said.thought, said.text), (THOUGHT, SAID))


@spoken
def think_tools(ask):
    equal(answered(ask, "think call", tools=TOOLS, thinking=THINK).thought, THOUGHT)


@case("image")
def image():
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG64}"}}
    equal(whole([{"role": "user", "content": [url, {"type": "text", "text": "see"}]}]).text, SEEN)


@spoken
def schema(ask):
    equal(json.loads(ask("json", response_format={"type": "json_object", "json_schema": TRIP}).text), TRIP_SAID)


@spoken
def length(ask):
    said = ask("long", max_tokens=LIMIT)
    equal((said.text, said.reason, said.usage.tokens.output_tokens), (TRUNCATED, "MAX_TOKENS", LIMIT))


@spoken
def usage(ask):
    usage = ask("say hello").usage
    equal((usage.tokens.input_tokens, usage.tokens.output_tokens, usage.cached_tokens or 0), (PROMPT, WRITTEN, CACHED))


@spoken
def error_400(ask):
    try:
        ask("nonsense")
    except cohere.BadRequestError as error:
        return expect("no answer to" in error.body["message"], error)
    raise AssertionError("no error")


@case("cut")
def cut():
    """The SDK raises for a connection that breaks; an error that is told ends the message with another word than COMPLETE."""
    said, reason = "", None
    try:
        for event in client.chat_stream(model=MODEL, messages=messages("cut")):
            if event.type == "content-delta":
                said += event.delta.message.content.text
            elif event.type == "message-end":
                reason = event.delta.finish_reason
    except (httpx.HTTPError, cohere.core.ApiError) as error:
        return expect(said and CUT.startswith(said) and reason is None, f"{said}, {reason}") or type(error).__name__
    equal((bool(said) and CUT.startswith(said), reason), (True, "ERROR"))


@spoken
def error_429(ask):
    try:
        ask("fail")
    except cohere.TooManyRequestsError as error:
        expect(BUSY in error.body["message"], error)
        return equal((error.headers or {}).get("retry-after"), RETRY_AFTER)
    raise AssertionError("no error")


if EMBEDS:

    @case("embed")
    def embed():
        made = client.embed(model=MODEL, texts=TEXTS, input_type="search_query", embedding_types=["float"])
        equal((made.embeddings.float_, made.meta.billed_units.input_tokens), (VECTORS, READ))


if RERANKS:

    @case("rerank")
    def rerank():
        made = client.rerank(model=MODEL, query="which?", documents=DOCUMENTS, top_n=len(ORDER))
        equal([result.index for result in made.results], ORDER)


run("cohere", importlib.metadata.version("cohere"))
