"""OpenAI's SDK: chat completions and responses, whatever stands behind."""
import json

import openai
import pydantic
from asking import (ABOUT, API_KEY, BASE_URL, BUSY, CACHED, DIRECT, EMBEDS, GIVEN, HEARD, LIMIT, MODEL, OBEYED, PNG64, PROMPT, READ, RESULTS,
                    RETRY_AFTER, SAID, SCHEMAS, SEEN, SYSTEM, TEXTS, THINKING, THOUGHT, TRIP, TRIP_SAID, TRUNCATED, VECTORS, VENDOR, WRITTEN,
                    broken, called, case, equal, expect, run)

client = openai.OpenAI(base_url=f"{BASE_URL}/v1", api_key=API_KEY, max_retries=0)
PICTURE = f"data:image/png;base64,{PNG64}"


class Trip(pydantic.BaseModel):
    city: str
    days: int


def user(text):
    return {"role": "user", "content": text}


def joined(calls):
    """What is said in calls: ids, names, arguments."""
    return [(ident, name, json.loads(given)) for ident, name, given in calls]


class Chat:
    """Chat completions."""

    word = "chat"
    tools = [{"type": "function", "function": {"name": name, "description": ABOUT[name], "parameters": SCHEMAS[name]}} for name in GIVEN]
    stops = {"end": "stop", "calls": "tool_calls", "length": "length"}
    think = {"reasoning_effort": "high"}
    trip = {"response_format": {"type": "json_schema", "json_schema": {"name": "trip", "schema": TRIP, "strict": True}}}
    limit = {"max_completion_tokens": LIMIT}
    picture = [{"type": "image_url", "image_url": {"url": PICTURE}}, {"type": "text", "text": "see"}]

    def __init__(self, completion):
        [choice] = completion.choices
        self.message, self.stop, self.usage = choice.message, choice.finish_reason, completion.usage
        self.text = choice.message.content or ""
        # DeepSeek's word for it, and Ollama's.
        self.thought = getattr(choice.message, "reasoning_content", None) or getattr(choice.message, "reasoning", None) or ""
        self.calls = joined((call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls or [])
        equal(choice.message.role, "assistant")

    @classmethod
    def whole(cls, given, **options):
        return cls(client.chat.completions.create(model=MODEL, messages=cls.messages(given), **options))

    @classmethod
    def streamed(cls, given, **options):
        """Gathered by the SDK's own helper."""
        with client.chat.completions.stream(model=MODEL, messages=cls.messages(given), stream_options={"include_usage": True}, **options) as stream:
            chunks = [event.chunk for event in stream if event.type == "chunk"]
            said = cls(stream.get_final_completion())
        counts = [chunk.usage for chunk in chunks if chunk.usage]
        reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
        equal((len(counts), len(reasons), len({chunk.id for chunk in chunks})), (1, 1, 1))
        return said

    @staticmethod
    def messages(given):
        return given if isinstance(given, list) else [user(given)]

    def again(self):
        """Itself, as the SDK's own examples put it into the next question."""
        return [self.message]

    @staticmethod
    def result(ident, text):
        return {"role": "tool", "tool_call_id": ident, "content": text}

    @staticmethod
    def ordered(text):
        return {"given": [{"role": "system", "content": SYSTEM}, user(text)]}

    def counted(self, thinking=0):
        usage = self.usage
        equal((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (PROMPT, WRITTEN, PROMPT + WRITTEN))
        equal(usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens or 0, CACHED)
        equal(usage.completion_tokens_details and usage.completion_tokens_details.reasoning_tokens or 0, thinking)

    @property
    def written(self):
        return self.usage.completion_tokens

    @staticmethod
    def parsed(kind):
        return client.chat.completions.parse(model=MODEL, messages=[user("json")], response_format=kind).choices[0].message.parsed

    @staticmethod
    def pieces(text):
        return client.chat.completions.create(model=MODEL, messages=[user(text)], stream=True)

    @staticmethod
    def piece(chunk):
        return chunk.choices[0].delta.content if chunk.choices else ""


class Responses:
    """Responses."""

    word = "responses"
    tools = [{"type": "function", "name": name, "description": ABOUT[name], "parameters": SCHEMAS[name], "strict": False} for name in GIVEN]
    stops = {"end": "completed", "calls": "completed", "length": "incomplete"}
    think = {"reasoning": {"effort": "high", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    trip = {"text": {"format": {"type": "json_schema", "name": "trip", "schema": TRIP, "strict": True}}}
    limit = {"max_output_tokens": LIMIT}
    picture = [{"type": "input_image", "image_url": PICTURE, "detail": "auto"}, {"type": "input_text", "text": "see"}]

    def __init__(self, response):
        self.response, self.stop, self.usage, self.text = response, response.status, response.usage, response.output_text
        thoughts = [item for item in response.output if item.type == "reasoning"]
        said = [part.text for item in thoughts for part in item.summary] or [part.text for item in thoughts for part in item.content or []]
        self.thought = "".join(said)
        self.calls = joined((item.call_id, item.name, item.arguments) for item in response.output if item.type == "function_call")
        if response.status == "incomplete":
            equal(response.incomplete_details.reason, "max_output_tokens")

    @classmethod
    def whole(cls, given, **options):
        return cls(client.responses.create(model=MODEL, input=given, store=False, **options))

    @classmethod
    def streamed(cls, given, **options):
        """Gathered by the SDK's own helper."""
        with client.responses.stream(model=MODEL, input=given, store=False, **options) as stream:
            events = list(stream)
            said = cls(events[-1].response if events[-1].type == "response.incomplete" else stream.get_final_response())
        equal([event.sequence_number for event in events], list(range(len(events))))
        # What was streamed is what is told in the end.
        equal("".join(event.delta for event in events if event.type == "response.output_text.delta"), said.text)
        return said

    def again(self):
        return self.response.output

    @staticmethod
    def result(ident, text):
        return {"type": "function_call_output", "call_id": ident, "output": text}

    @staticmethod
    def ordered(text):
        return {"given": text, "instructions": SYSTEM}

    def counted(self, thinking=0):
        usage = self.usage
        equal((usage.input_tokens, usage.output_tokens, usage.total_tokens), (PROMPT, WRITTEN, PROMPT + WRITTEN))
        equal((usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens), (CACHED, thinking))

    @property
    def written(self):
        return self.usage.output_tokens

    @staticmethod
    def parsed(kind):
        return client.responses.parse(model=MODEL, input="json", text_format=kind, store=False).output_parsed

    @staticmethod
    def pieces(text):
        """A failure is an event here, which a caller must look for."""
        for event in client.responses.create(model=MODEL, input=text, store=False, stream=True):
            if event.type in ("response.failed", "error"):
                raise openai.APIError(event.type, request=None, body=None)
            yield event

    @staticmethod
    def piece(event):
        return event.delta if event.type == "response.output_text.delta" else ""


# Those who have a door of their own for Responses, or are taken to have one, are asked there, which is not played here.
WIRES = [Chat] if DIRECT or VENDOR in ("chat", "deepseek", "ollama") else [Chat, Responses]


def spoken(one):
    """The same case in both languages, asked for as a whole and as a stream."""
    name = one.__name__
    for wire in WIRES:
        case(f"{wire.word}-{name}")(lambda wire=wire: one(wire, wire.whole))
        case(f"{wire.word}-{name}-stream")(lambda wire=wire: one(wire, wire.streamed))
    return one


def once(one):
    for wire in WIRES:
        case(f"{wire.word}-{one.__name__}")(lambda wire=wire: one(wire))
    return one


def answered(wire, ask, word, **options):
    said = ask(word, tools=wire.tools, **options)
    equal(said.stop, wire.stops["calls"])
    called(said.calls)
    results = [wire.result(ident, RESULTS[name]) for ident, name, _ in said.calls]
    equal(ask([user(word), *said.again(), *results], tools=wire.tools, **options).text, HEARD)
    return said


@spoken
def plain(wire, ask):
    said = ask("say hello")
    equal((said.text, said.stop), (SAID, wire.stops["end"]))


@spoken
def system(wire, ask):
    equal(ask(**wire.ordered("say hello")).text, OBEYED)


@spoken
def turns(wire, ask):
    first = ask("say hello")
    equal(ask([user("say hello"), *first.again(), user("say hello")]).text, SAID)


@spoken
def tools(wire, ask):
    answered(wire, ask, "call")


@spoken
def think(wire, ask):
    said = ask("think hello", **wire.think)
    equal((said.thought, said.text), (THOUGHT, SAID))
    said.counted(THINKING)


@spoken
def think_tools(wire, ask):
    equal(answered(wire, ask, "think call", **wire.think).thought, THOUGHT)


@once
def image(wire):
    equal(wire.whole([user(wire.picture)]).text, SEEN)


@spoken
def schema(wire, ask):
    equal(json.loads(ask("json", **wire.trip).text), TRIP_SAID)


@once
def parse(wire):
    equal(wire.parsed(Trip), Trip(**TRIP_SAID))


@once
def length(wire):
    said = wire.whole("long", **wire.limit)
    equal((said.text, said.stop, said.written), (TRUNCATED, wire.stops["length"], LIMIT))


@case("chat-length-stream")
def chat_length_stream():
    """The SDK's helper raises here, so the chunks are gathered by hand."""
    stream = client.chat.completions.create(model=MODEL, messages=[user("long")], stream=True, **Chat.limit)
    choices = [choice for chunk in stream for choice in chunk.choices]
    equal("".join(choice.delta.content or "" for choice in choices), TRUNCATED)
    equal([choice.finish_reason for choice in choices if choice.finish_reason], ["length"])


if Responses in WIRES:

    @case("responses-length-stream")
    def responses_length_stream():
        said = Responses.streamed("long", **Responses.limit)
        equal((said.text, said.stop, said.written), (TRUNCATED, "incomplete", LIMIT))


if Responses in WIRES:

    @case("responses-kept")
    def responses_kept():
        """Who keeps nothing has the gateway keep it: gone on with, had again, listed, deleted."""
        first = client.responses.create(model=MODEL, input="say hello")
        equal((first.output_text, first.store), (SAID, True))
        second = client.responses.create(model=MODEL, input="say hello", previous_response_id=first.id)
        equal((second.output_text, second.previous_response_id), (SAID, first.id))
        again = client.responses.retrieve(second.id)
        equal((again.id, again.output_text), (second.id, SAID))
        items = list(client.responses.input_items.list(second.id, order="asc", limit=1))
        equal([item.role for item in items], ["user", "assistant", "user"])
        client.responses.delete(second.id)
        for gone in (lambda: client.responses.retrieve(second.id), lambda: client.responses.input_items.list(second.id)):
            try:
                gone()
            except openai.NotFoundError as error:
                equal(error.code, "response_not_found")
            else:
                raise AssertionError("it is still there")
        try:
            client.responses.create(model=MODEL, input="say hello", previous_response_id=second.id)
        except openai.BadRequestError as error:
            return equal((error.code, error.param), ("previous_response_not_found", "previous_response_id"))
        raise AssertionError("it went on")

    @case("responses-kept-tools")
    def responses_kept_tools():
        """Calls and their marks go back to their vendor without the caller."""
        said = Responses(client.responses.create(model=MODEL, input="call", tools=Responses.tools))
        called(said.calls)
        results = [Responses.result(ident, RESULTS[name]) for ident, name, _ in said.calls]
        heard = client.responses.create(model=MODEL, input=results, tools=Responses.tools, previous_response_id=said.response.id)
        equal(heard.output_text, HEARD)

    @case("responses-socket")
    def responses_socket():
        """The same over a WebSocket, where nothing is kept but on the connection."""
        with client.responses.connect() as connection:
            previous = {}
            for _ in range(2):
                connection.response.create(model=MODEL, input="say hello", store=False, **previous)
                events = []
                for event in connection:
                    events.append(event)
                    if event.type in ("response.completed", "response.failed", "error"):
                        break
                equal((events[-1].type, events[-1].response.output_text), ("response.completed", SAID))
                equal("".join(event.delta for event in events if event.type == "response.output_text.delta"), SAID)
                previous = {"previous_response_id": events[-1].response.id}


@spoken
def usage(wire, ask):
    ask("say hello").counted()


@spoken
def error_400(wire, ask):
    try:
        ask("nonsense")
    except openai.BadRequestError as error:
        expect("no answer to" in error.body["message"], error.body)
        return equal(error.type, "invalid_request_error")
    raise AssertionError("no error")


@once
def cut(wire):
    return broken(wire.pieces("cut"), openai.APIError, wire.piece)


@spoken
def error_429(wire, ask):
    try:
        ask("fail")
    except openai.RateLimitError as error:
        expect(BUSY in error.body["message"], error.body)
        return equal(error.response.headers.get("retry-after"), RETRY_AFTER)
    raise AssertionError("no error")


if VENDOR == "chat" and not DIRECT:

    @case("responses-nowhere")
    def responses_nowhere():
        """A service that nobody knows to have no Responses (`capabilities` says it): its own word for that is passed on."""
        try:
            Responses.whole("say hello")
        except openai.NotFoundError as error:
            assert "/v1/responses" in str(error), error
        else:
            raise AssertionError("it was answered")


if EMBEDS:

    @case("embeddings")
    def embeddings():
        """The SDK asks for base64 by itself, and gives numbers."""
        made = client.embeddings.create(model=MODEL, input=TEXTS)
        equal([item.embedding for item in made.data], VECTORS)
        equal(([item.index for item in made.data], made.usage.prompt_tokens), ([0, 1, 2], READ))

    @case("embeddings-numbers")
    def embeddings_numbers():
        made = client.embeddings.create(model=MODEL, input=TEXTS[0], encoding_format="float", dimensions=2)
        equal([item.embedding for item in made.data], [VECTORS[0][:2]])

    @case("embeddings-tokens")
    def embeddings_tokens():
        """Tokens are one vendor's own; the fakes of OpenAI's language read texts only, and say so themselves."""
        try:
            client.embeddings.create(model=MODEL, input=[[1, 2], [3]])
        except openai.BadRequestError as error:
            return expect("Send the text" in str(error) or VENDOR in ("chat", "ollama"), error)
        raise AssertionError("no error")


run("openai-python", openai.__version__)
