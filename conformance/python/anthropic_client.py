"""Anthropic's SDK: messages."""
import json

import anthropic
import httpx2
from asking import (ABOUT, API_KEY, BASE_URL, BUSY, CACHED, GIVEN, HEARD, LIMIT, MODEL, OBEYED, PNG64, PROMPT, RESULTS, RETRY_AFTER, SAID,
                    SCHEMAS, SEEN, STORED, SYSTEM, THINKING, THOUGHT, TRIP, TRIP_SAID, TRUNCATED, WRITTEN, broken, called, case, equal,
                    expect, run)

client = anthropic.Anthropic(base_url=BASE_URL, api_key=API_KEY, max_retries=0)
TOOLS = [{"name": name, "description": ABOUT[name], "input_schema": SCHEMAS[name]} for name in GIVEN]
THINK = {"type": "enabled", "budget_tokens": 1024}


def user(content):
    return [{"role": "user", "content": content}]


def ask(content, **options):
    messages = content if isinstance(content, list) and "role" in content[0] else user(content)
    return client.messages.create(**{"model": MODEL, "max_tokens": 2048, "messages": messages, **options})


def streamed(content, **options):
    """The message an own stream gathers, and the types of its events."""
    messages = content if isinstance(content, list) and "role" in content[0] else user(content)
    with client.messages.stream(**{"model": MODEL, "max_tokens": 2048, "messages": messages, **options}) as stream:
        kinds = [event.type for event in stream]
        return stream.get_final_message(), kinds


def text(message):
    return "".join(block.text for block in message.content if block.type == "text")


def calls(message):
    return [(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"]


def results(message):
    return [{"type": "tool_result", "tool_use_id": ident, "content": RESULTS[name]} for ident, name, _ in calls(message)]


def counted(usage, thinking=0):
    equal(usage.input_tokens, PROMPT - CACHED - STORED)
    equal((usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0, usage.output_tokens), (CACHED, STORED, WRITTEN))
    if thinking:
        equal(usage.output_tokens_details.thinking_tokens, thinking)


def spoken(one):
    """The same case, asked for as a whole and as a stream."""
    case(one.__name__)(lambda: one(ask))
    case(f"{one.__name__}-stream")(lambda: one(lambda *words, **options: streamed(*words, **options)[0]))
    return one


@spoken
def plain(ask):
    message = ask("say hello")
    equal((text(message), message.stop_reason, message.role, message.type), (SAID, "end_turn", "assistant", "message"))
    expect(message.id, "an id")


@case("events")
def events():
    _, kinds = streamed("say hello")
    equal([kinds[0], kinds[-1]], ["message_start", "message_stop"])
    return f"{len(kinds)} events"


@spoken
def system(ask):
    equal(text(ask("say hello", system=SYSTEM)), OBEYED)
    equal(text(ask("say hello", system=[{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}])), OBEYED)


@spoken
def turns(ask):
    first = ask("say hello")
    equal(text(ask([*user("say hello"), {"role": "assistant", "content": first.content}, *user("say hello")])), SAID)


@spoken
def tools(ask):
    message = ask("call", tools=TOOLS)
    equal(message.stop_reason, "tool_use")
    called(calls(message))
    history = [*user("call"), {"role": "assistant", "content": message.content}, *user(results(message))]
    equal(text(ask(history, tools=TOOLS)), HEARD)


@spoken
def think(ask):
    message = ask("think hello", thinking=THINK)
    equal([block.type for block in message.content], ["thinking", "text"])
    equal((message.content[0].thinking, text(message)), (THOUGHT, SAID))
    counted(message.usage, THINKING)


@spoken
def think_tools(ask):
    message = ask("think call", tools=TOOLS, thinking=THINK)
    equal([block.type for block in message.content], ["thinking", "tool_use", "tool_use"])
    called(calls(message))
    history = [*user("think call"), {"role": "assistant", "content": message.content}, *user(results(message))]
    equal(text(ask(history, tools=TOOLS, thinking=THINK)), HEARD)


@case("image")
def image():
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG64}}
    equal(text(ask([picture, {"type": "text", "text": "see"}])), SEEN)


@spoken
def schema(ask):
    equal(json.loads(text(ask("json", output_config={"format": {"type": "json_schema", "schema": TRIP}}))), TRIP_SAID)


@spoken
def length(ask):
    message = ask("long", max_tokens=LIMIT)
    equal((text(message), message.stop_reason, message.usage.output_tokens), (TRUNCATED, "max_tokens", LIMIT))


@spoken
def usage(ask):
    counted(ask("say hello").usage)


@spoken
def error_400(ask):
    try:
        ask("nonsense")
    except anthropic.BadRequestError as error:
        expect("no answer to" in error.body["error"]["message"], error.body)
        return equal((error.body["type"], error.body["error"]["type"]), ("error", "invalid_request_error"))
    raise AssertionError("no error")


@case("cut")
def cut():
    stream = client.messages.create(model=MODEL, max_tokens=2048, messages=user("cut"), stream=True)
    return broken(stream, (anthropic.APIError, httpx2.HTTPError), lambda event: event.delta.text if event.type == "content_block_delta" else "")


@spoken
def error_429(ask):
    try:
        ask("fail")
    except anthropic.RateLimitError as error:
        equal(error.body["error"]["type"], "rate_limit_error")
        expect(BUSY in error.body["error"]["message"], error.body)
        return equal(error.response.headers.get("retry-after"), RETRY_AFTER)
    raise AssertionError("no error")


run("anthropic-python", anthropic.__version__)
