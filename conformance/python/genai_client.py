"""Google's SDK: generate_content."""
import importlib.metadata
import json

import httpx2
import pydantic
from asking import (ABOUT, API_KEY, BASE_URL, BUSY, CACHED, EMBEDS, GIVEN, LIMIT, MODEL, OBEYED, PNG, PROMPT, RESULTS, SAID, SCHEMAS, SEEN,
                    SYSTEM, TEXTS, THINKING, THOUGHT, TRIP, TRIP_SAID, TRUNCATED, VECTORS, WRITTEN, broken, called, case, equal, expect, run)
from google import genai
from google.genai import errors, types

client = genai.Client(api_key=API_KEY, http_options=types.HttpOptions(base_url=BASE_URL))
TOOLS = [types.Tool(function_declarations=[
    types.FunctionDeclaration(name=name, description=ABOUT[name], parameters_json_schema=SCHEMAS[name]) for name in GIVEN])]
# The same in its own kind of schema, of which there is less.
OWN = [types.Tool(function_declarations=[
    types.FunctionDeclaration(name="weather", description=ABOUT["weather"], parameters=types.Schema(
        type="OBJECT", properties={"city": types.Schema(type="STRING"), "days": types.Schema(type="INTEGER", minimum=1)}, required=["city"])),
    types.FunctionDeclaration(name="clock", description=ABOUT["clock"], parameters=types.Schema(
        type="OBJECT", properties={"zone": types.Schema(type="STRING"), "exact": types.Schema(type="BOOLEAN", nullable=True)})),
])]
THINK = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)


class Trip(pydantic.BaseModel):
    city: str
    days: int


class Heard:
    """An answer: its parts joined, why it ended, what it cost."""

    def __init__(self, chunks):
        parts = [part for chunk in chunks for candidate in chunk.candidates or [] for part in (candidate.content and candidate.content.parts) or []]
        self.parts = [part for part in parts if part.text != "" or part.thought_signature]
        self.text = "".join(part.text for part in self.parts if part.text and not part.thought)
        self.thought = "".join(part.text for part in self.parts if part.text and part.thought)
        self.calls = [part.function_call for part in self.parts if part.function_call]
        reasons = [candidate.finish_reason for chunk in chunks for candidate in chunk.candidates or [] if candidate.finish_reason]
        self.reason = reasons[0].value if len(reasons) == 1 else reasons
        self.usage = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata][-1]
        self.content = types.Content(role="model", parts=self.parts)


def options(given):
    return types.GenerateContentConfig(automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True), **given)


def whole(contents, **given):
    return Heard([client.models.generate_content(model=MODEL, contents=contents, config=options(given))])


def streamed(contents, **given):
    return Heard(list(client.models.generate_content_stream(model=MODEL, contents=contents, config=options(given))))


def user(text):
    return types.Content(role="user", parts=[types.Part(text=text)])


def results(calls):
    """An answer to each call, by its id if it has one."""
    parts = [types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"result": RESULTS[call.name]})) for call in calls]
    return types.Content(role="user", parts=parts)


def heard(text):
    """What wraps a result is the vendor's to see; the words must be there, each with its call."""
    expect(text.startswith("Heard: weather="), text)
    first, _, second = text.partition("clock=")
    expect(RESULTS["weather"] in first and RESULTS["clock"] in second, text)


def answered(ask, word, tools, **given):
    said = ask(word, tools=tools, **given)
    equal(said.reason, "STOP")
    called([(nth, call.name, call.args) for nth, call in enumerate(said.calls, 1)])
    heard(ask([user(word), said.content, results(said.calls)], tools=tools, **given).text)
    return said


def counted(usage, thinking=0):
    equal((usage.prompt_token_count, usage.cached_content_token_count or 0), (PROMPT, CACHED))
    equal((usage.candidates_token_count, usage.thoughts_token_count or 0, usage.total_token_count), (WRITTEN - thinking, thinking, PROMPT + WRITTEN))


def spoken(one):
    """The same case, asked for as a whole and as a stream."""
    case(one.__name__)(lambda: one(whole))
    case(f"{one.__name__}-stream")(lambda: one(streamed))
    return one


@spoken
def plain(ask):
    said = ask("say hello")
    equal((said.text, said.reason), (SAID, "STOP"))


@spoken
def system(ask):
    equal(ask("say hello", system_instruction=SYSTEM).text, OBEYED)


@spoken
def turns(ask):
    first = ask("say hello")
    equal(ask([user("say hello"), first.content, user("say hello")]).text, SAID)


@spoken
def tools(ask):
    answered(ask, "call", TOOLS)


@spoken
def own_tools(ask):
    answered(ask, "call", OWN)


@spoken
def think(ask):
    said = ask("think hello", thinking_config=THINK)
    equal((said.thought, said.text), (THOUGHT, SAID))
    counted(said.usage, THINKING)


@spoken
def think_tools(ask):
    equal(answered(ask, "think call", TOOLS, thinking_config=THINK).thought, THOUGHT)


@case("image")
def image():
    equal(whole([types.Content(role="user", parts=[types.Part.from_bytes(data=PNG, mime_type="image/png"), types.Part(text="see")])]).text, SEEN)


@spoken
def schema(ask):
    equal(json.loads(ask("json", response_mime_type="application/json", response_json_schema=TRIP).text), TRIP_SAID)


@spoken
def own_schema(ask):
    equal(json.loads(ask("json", response_mime_type="application/json", response_schema=Trip).text), TRIP_SAID)


@spoken
def length(ask):
    said = ask("long", max_output_tokens=LIMIT)
    equal((said.text, said.reason, said.usage.candidates_token_count), (TRUNCATED, "MAX_TOKENS", LIMIT))


@spoken
def usage(ask):
    counted(ask("say hello").usage)


@spoken
def error_400(ask):
    try:
        ask("nonsense")
    except errors.ClientError as error:
        expect("no answer to" in error.message, error)
        return equal((error.code, error.status), (400, "INVALID_ARGUMENT"))
    raise AssertionError("no error")


@case("cut")
def cut():
    stream = client.models.generate_content_stream(model=MODEL, contents="cut")
    return broken(stream, (errors.APIError, httpx2.HTTPError), lambda chunk: chunk.text)


@spoken
def error_429(ask):
    try:
        ask("fail")
    except errors.ClientError as error:
        expect(BUSY in error.message, error)
        return equal((error.code, error.status), (429, "RESOURCE_EXHAUSTED"))
    raise AssertionError("no error")


def embedded(contents):
    made = client.models.embed_content(model=MODEL, contents=contents, config=types.EmbedContentConfig(task_type="RETRIEVAL_QUERY"))
    return [item.values for item in made.embeddings]


if EMBEDS:

    @case("embeddings")
    def embeddings():
        # Of a model with "gemini" in its name this SDK wants one vector for all texts together: each is asked for alone.
        equal([embedded(text)[0] for text in TEXTS] if "gemini" in MODEL else embedded(TEXTS), VECTORS)


run("google-genai-python", importlib.metadata.version("google-genai"))
