"""Ollama's SDK: chat and embeddings."""
import importlib.metadata
import json

import httpx
import ollama
from asking import (ABOUT, API_KEY, BASE_URL, BUSY, EMBEDS, GIVEN, HEARD, LIMIT, MODEL, OBEYED, PNG, PROMPT, READ, RESULTS, SAID, SCHEMAS, SEEN,
                    SYSTEM, TEXTS, THOUGHT, TRIP, TRIP_SAID, TRUNCATED, VECTORS, WRITTEN, broken, called, case, equal, expect, run)

client = ollama.Client(host=BASE_URL, headers={"authorization": f"Bearer {API_KEY}"})
TOOLS = [{"type": "function", "function": {"name": name, "description": ABOUT[name], "parameters": SCHEMAS[name]}} for name in GIVEN]


class Heard:
    """An answer, or the lines of one joined."""

    def __init__(self, lines):
        self.text = "".join(line.message.content or "" for line in lines)
        self.thought = "".join(line.message.thinking or "" for line in lines)
        self.calls = [call for line in lines for call in line.message.tool_calls or []]
        self.last = lines[-1]
        expect(self.last.done and not any(line.done for line in lines[:-1]), "the last line is done, and no other")
        self.message = ollama.Message(role="assistant", content=self.text, thinking=self.thought or None, tool_calls=self.calls or None)


def messages(given):
    return given if isinstance(given, list) else [{"role": "user", "content": given}]


def whole(given, **options):
    return Heard([client.chat(MODEL, messages(given), **options)])


def streamed(given, **options):
    return Heard(list(client.chat(MODEL, messages(given), stream=True, **options)))


def results(calls):
    """It has no ids: a result bears the tool's name."""
    return [{"role": "tool", "tool_name": call.function.name, "content": RESULTS[call.function.name]} for call in calls]


def answered(ask, word, **options):
    said = ask(word, **options)
    equal(said.last.done_reason, "stop")
    called([(nth, call.function.name, dict(call.function.arguments)) for nth, call in enumerate(said.calls, 1)])
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
    equal((said.text, said.last.done_reason), (SAID, "stop"))


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
    said = ask("think hello", think=True)
    equal((said.thought, said.text), (THOUGHT, SAID))


@spoken
def think_tools(ask):
    equal(answered(ask, "think call", tools=TOOLS, think="high").thought, THOUGHT)


@case("image")
def image():
    equal(whole([{"role": "user", "content": "see", "images": [PNG]}]).text, SEEN)


@spoken
def schema(ask):
    equal(json.loads(ask("json", format=TRIP).text), TRIP_SAID)


@spoken
def length(ask):
    said = ask("long", options={"num_predict": LIMIT})
    equal((said.text, said.last.done_reason, said.last.eval_count), (TRUNCATED, "length", LIMIT))


@spoken
def usage(ask):
    last = ask("say hello").last
    equal((last.prompt_eval_count, last.eval_count), (PROMPT, WRITTEN))


@spoken
def error_400(ask):
    try:
        ask("nonsense")
    except ollama.ResponseError as error:
        expect("no answer to" in error.error, error)
        return equal(error.status_code, 400)
    raise AssertionError("no error")


@case("cut")
def cut():
    return broken(client.chat(MODEL, messages("cut"), stream=True), (ollama.ResponseError, httpx.HTTPError), lambda line: line.message.content)


@spoken
def error_429(ask):
    try:
        ask("fail")
    except ollama.ResponseError as error:
        expect(BUSY in error.error, error)
        return equal(error.status_code, 429)
    raise AssertionError("no error")


if EMBEDS:

    @case("embed")
    def embed():
        made = client.embed(model=MODEL, input=TEXTS)
        equal(([list(vector) for vector in made.embeddings], made.prompt_eval_count), (VECTORS, READ))

    @case("embeddings")
    def embeddings():
        """The older way: one text."""
        equal(list(client.embeddings(model=MODEL, prompt=TEXTS[1]).embedding), VECTORS[1])


run("ollama", importlib.metadata.version("ollama"))
