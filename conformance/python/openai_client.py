"""The official Python SDK."""
import base64
import hashlib
import os
import threading
import struct
import time

import openai
import pydantic
from cases import API_KEY, BASE_URL, CHECKING, DIRECT, JUDGE_URL, case, equal, expect, hung_up, last, run, seen

client = openai.OpenAI(base_url=BASE_URL, api_key=API_KEY, timeout=20)
patient_async = dict(base_url=BASE_URL, api_key=API_KEY, timeout=20)
once = client.with_options(max_retries=0)
vendor = openai.OpenAI(base_url=f"{JUDGE_URL}/v1", api_key="none", default_headers=CHECKING, timeout=20)

MODEL = "gpt-4o-mini"
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather somewhere",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    },
}
ARGUMENTS = '{"city":"Zürich 🏔","days":7}'
EMOJI = "naïve 日本語 مرحبا 👩‍👩‍👧‍👦🏳️‍🌈 \u2028 \\u0041 \x7f"


class Trip(pydantic.BaseModel):
    city: str
    days: int
    stops: list[str]


def ask(text="Hello"):
    return [{"role": "user", "content": text}]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def raw_stream(of, **body):
    with of.chat.completions.with_streaming_response.create(stream=True, **body) as response:
        return b"".join(response.iter_bytes())


def same_stream(**body):
    got, wanted = raw_stream(client, **body), raw_stream(vendor, **body)
    equal(got, wanted)
    return got


@case("chat")
def chat():
    answer = client.chat.completions.create(model=MODEL, messages=ask())
    equal(answer.choices[0].message.content, "You said: Hello")
    expect(answer.usage.total_tokens > 0)
    expect(answer._request_id, "a request id")


@case("chat-async")
async def chat_async():
    async with openai.AsyncOpenAI(**patient_async) as aclient:
        answer = await aclient.chat.completions.create(model=MODEL, messages=ask())
        equal(answer.choices[0].message.content, "You said: Hello")


@case("chat-bytes")
def chat_bytes():
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=ask(EMOJI))
    equal(sha256(raw.content), last("/v1/chat/completions")["sent_sha256"])


@case("stream")
def stream():
    chunks = list(client.chat.completions.create(model=MODEL, messages=ask(), stream=True))
    equal("".join(chunk.choices[0].delta.content or "" for chunk in chunks), "You said: Hello")
    equal(chunks[-1].choices[0].finish_reason, "stop")


@case("stream-async")
async def stream_async():
    async with openai.AsyncOpenAI(**patient_async) as aclient:
        for _ in range(2):  # the second turn uses the connection of the first
            chunks = await aclient.chat.completions.create(model=MODEL, messages=ask(), stream=True)
            equal("".join([chunk.choices[0].delta.content or "" async for chunk in chunks]), "You said: Hello")


@case("stream-usage")
def stream_usage():
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model=MODEL, messages=ask(), stream=True, stream_options=options))
    equal(chunks[-1].choices, [])
    expect(chunks[-1].usage.total_tokens > 0)
    same_stream(model=MODEL, messages=ask(), stream_options=options)


@case("stream-no-usage")
def stream_no_usage():
    expect(b'"usage"' not in same_stream(model=MODEL, messages=ask()), "no usage key when nobody asked")


@case("stream-unicode")
def stream_unicode():
    same_stream(model="split-bytes", messages=ask(EMOJI))


@case("unicode")
def unicode():
    answer = client.chat.completions.create(model=MODEL, messages=ask(EMOJI))
    equal(answer.choices[0].message.content, f"You said: {EMOJI}")
    equal(last("/v1/chat/completions")["json"]["messages"], ask(EMOJI))


@case("tools")
def tools():
    first = client.chat.completions.create(model=MODEL, messages=ask(), tools=[WEATHER]).choices[0]
    equal(first.finish_reason, "tool_calls")
    call = first.message.tool_calls[0]
    equal((call.function.name, call.function.arguments), ("weather", ARGUMENTS))
    told = [*ask(), first.message, {"role": "tool", "tool_call_id": call.id, "content": "sun"}]
    second = client.chat.completions.create(model=MODEL, messages=told, tools=[WEATHER])
    equal(second.choices[0].message.content, "The tool said: sun")


@case("tools-stream")
def tools_stream():
    with client.chat.completions.stream(model=MODEL, messages=ask(), tools=[WEATHER]) as events:
        call = events.get_final_completion().choices[0].message.tool_calls[0]
    equal((call.function.name, call.function.arguments), ("weather", ARGUMENTS))


@case("structured")
def structured():
    answer = client.chat.completions.parse(model=MODEL, messages=ask(), response_format=Trip)
    equal(answer.choices[0].message.parsed, Trip(city="Zürich 🏔", days=7, stops=["Zürich 🏔"]))


@case("completions")
def completions():
    model = "gpt-3.5-turbo-instruct"
    equal(client.completions.create(model=model, prompt="Hello").choices[0].text, "You said: Hello")
    chunks = client.completions.create(model=model, prompt="Hello", stream=True)
    equal("".join(chunk.choices[0].text for chunk in chunks), "You said: Hello")


@case("embeddings-base64")
def embeddings_base64():
    answer = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    equal(last("/v1/embeddings")["json"]["encoding_format"], "base64")
    wanted = vendor.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
    equal([list(item.embedding) for item in answer.data], [list(item.embedding) for item in wanted.data])
    text = client.embeddings.create(model="text-embedding-3-small", input="one", encoding_format="base64").data[0].embedding
    equal(list(struct.unpack("<256f", base64.b64decode(text))), list(answer.data[0].embedding))


@case("embeddings-float")
def embeddings_float():
    raw = client.embeddings.with_raw_response.create(
        model="text-embedding-3-small", input=[[1, 2, 3]], encoding_format="float", dimensions=8
    )
    entry = last("/v1/embeddings")
    equal((entry["json"]["input"], entry["json"]["dimensions"]), ([[1, 2, 3]], 8))
    equal(sha256(raw.content), entry["sent_sha256"])
    equal(len(raw.parse().data[0].embedding), 8)


@case("files")
def files():
    data = os.urandom(5 * 2**20)
    made = client.files.create(file=("five megabytes ü.bin", data), purpose="user_data")
    equal(last("/v1/files")["files"][0]["sha256"], sha256(data))
    equal((made.bytes, made.purpose), (len(data), "user_data"))
    equal(client.files.retrieve(made.id).id, made.id)
    equal(sha256(client.files.content(made.id).read()), sha256(data))
    expect(made.id in [file.id for file in client.files.list()], "the file in the list")
    expect(client.files.delete(made.id).deleted)
    try:
        client.files.retrieve(made.id)
    except openai.NotFoundError:
        return f"{len(data)} bytes there and back"
    raise AssertionError("a deleted file is still there")


@case("files-100mb", gateway_only=True)
def files_100mb():
    data = os.urandom(2**20) * 100
    before, most, done = resident(), 0, threading.Event()

    def watch():
        nonlocal most
        while not done.wait(0.005):
            most = max(most, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        made = client.files.create(file=("hundred.bin", data), purpose="user_data")
    finally:
        done.set()
        watcher.join()
    equal((made.bytes, last("/v1/files")["files"][0]["sha256"]), (len(data), sha256(data)))
    client.files.delete(made.id)
    grown = max(0, most - before)
    expect(grown < 8 * 1024, f"the gateway grew by {grown} KiB")
    return f"the gateway grew by {grown} KiB"


def resident():
    """Resident memory of the gateway, KiB."""
    with open(f"/proc/{os.environ['GATEWAY_PID']}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


@case("uploads")
def uploads():
    parts = [os.urandom(700_000) for _ in range(3)]
    whole = b"".join(parts)
    upload = client.uploads.create(bytes=len(whole), filename="w.bin", mime_type="application/octet-stream", purpose="user_data")
    names = [client.uploads.parts.create(upload.id, data=part).id for part in parts]
    done = client.uploads.complete(upload.id, part_ids=names)
    equal(done.status, "completed")
    equal(sha256(client.files.content(done.file.id).read()), sha256(whole))
    spare = client.uploads.create(bytes=1, filename="w.bin", mime_type="text/plain", purpose="user_data")
    equal(client.uploads.cancel(spare.id).status, "cancelled")


@case("transcription")
def transcription():
    sound = os.urandom(300_000)
    answer = client.audio.transcriptions.create(model="whisper-1", file=("a.wav", sound), language="de")
    equal(answer.text, "Heard 300000 bytes — ça va? 🎧")
    entry = last("/v1/audio/transcriptions")
    equal(entry["files"][0]["sha256"], sha256(sound))
    equal((entry["fields"]["model"], entry["fields"]["language"]), ("whisper-1", "de"))
    text = client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"ab"), response_format="text")
    equal(str(text).strip(), "Heard 2 bytes — ça va? 🎧")


@case("transcription-stream")
def transcription_stream():
    events = list(client.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", b"abc"), stream=True))
    equal("".join(event.delta for event in events if event.type == "transcript.text.delta"), "Heard 3 bytes — ça va? 🎧")
    equal(events[-1].type, "transcript.text.done")


@case("translation")
def translation():
    equal(client.audio.translations.create(model="whisper-1", file=("a.wav", b"abc")).text, "Heard 3 bytes — ça va? 🎧")


@case("speech")
def speech():
    began = time.monotonic()
    first, hashed = 0.0, hashlib.sha256()
    with client.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="Hello") as response:
        for chunk in response.iter_bytes():
            first = first or time.monotonic() - began
            hashed.update(chunk)
    whole = time.monotonic() - began
    equal(hashed.hexdigest(), last("/v1/audio/speech")["sent_sha256"])
    expect(first < whole / 2, f"the first bytes come early, not after {first:.2f} s of {whole:.2f} s")
    return f"first bytes after {first:.2f} s of {whole:.2f} s"


@case("images")
def images():
    answer = client.images.generate(model="gpt-image-1", prompt="a red dot")
    expect(base64.b64decode(answer.data[0].b64_json).startswith(b"\x89PNG"))
    pictures = [("a.png", os.urandom(9_000)), ("b.png", os.urandom(9_000))]
    client.images.edit(model="gpt-image-1", prompt="redder", image=pictures)
    equal([file["sha256"] for file in last("/v1/images/edits")["files"]], [sha256(data) for _, data in pictures])


@case("images-stream")
def images_stream():
    events = client.images.generate(model="gpt-image-1", prompt="a red dot", stream=True, partial_images=1)
    equal([event.type for event in events], ["image_generation.partial_image", "image_generation.completed"])


@case("moderations")
def moderations():
    equal([client.moderations.create(input=text).results[0].flagged for text in ("peace", "attack")], [False, True])


@case("models")
def models():
    names = {model.id for model in client.models.list()}
    for name in (MODEL, "org/slash-model") + (() if DIRECT else ("alias-model",)):
        expect(any(listed == name or listed.endswith(f"/{name}") for listed in names), f"{name} in {sorted(names)}")
    for name in (MODEL, "org/slash-model"):
        expect(client.models.retrieve(name).id.endswith(name), name)
    try:
        client.models.retrieve("no-such-model")
    except openai.NotFoundError:
        return f"{len(names)} models"
    raise AssertionError("a model that is not there was found")


@case("responses")
def responses():
    answer = client.responses.create(model=MODEL, input="Hello")
    equal((answer.status, answer.output_text), ("completed", "You said: Hello"))
    expect(answer.usage.total_tokens > 0)


@case("responses-tools")
def responses_tools():
    tool = {"type": "function", **WEATHER["function"], "strict": False}
    call = client.responses.create(model=MODEL, input="Hello", tools=[tool]).output[0]
    equal((call.type, call.name, call.arguments), ("function_call", "weather", ARGUMENTS))
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "sun"}
    told = [*ask(), call.to_dict(), result]
    equal(client.responses.create(model=MODEL, input=told, tools=[tool]).output_text, "The tool said: sun")


@case("responses-structured")
def responses_structured():
    answer = client.responses.parse(model=MODEL, input="Hello", text_format=Trip)
    equal(answer.output_parsed, Trip(city="Zürich 🏔", days=7, stops=["Zürich 🏔"]))


@case("responses-stream")
def responses_stream():
    events = list(client.responses.create(model=MODEL, input=EMOJI, stream=True))
    equal([event.sequence_number for event in events], list(range(len(events))))
    equal((events[0].type, events[-1].type), ("response.created", "response.completed"))
    equal("".join(event.delta for event in events if event.type == "response.output_text.delta"), f"You said: {EMOJI}")
    with client.responses.with_streaming_response.create(model=MODEL, input=EMOJI, stream=True) as response:
        got = b"".join(response.iter_bytes())
    with vendor.responses.with_streaming_response.create(model=MODEL, input=EMOJI, stream=True) as response:
        equal(got, b"".join(response.iter_bytes()))


@case("responses-retrieve")
def responses_retrieve():
    made = client.responses.create(model=MODEL, input="Keep this")
    equal(client.responses.retrieve(made.id).output_text, "You said: Keep this")
    equal([item.content[0].text for item in client.responses.input_items.list(made.id)], ["Keep this"])


@case("responses-cancel")
def responses_cancel():
    made = client.responses.create(model=MODEL, input="Take long", background=True)
    equal((made.status, client.responses.cancel(made.id).status), ("in_progress", "cancelled"))


@case("responses-delete")
def responses_delete():
    made = client.responses.create(model=MODEL, input="Forget this")
    client.responses.delete(made.id)
    try:
        client.responses.retrieve(made.id)
    except openai.NotFoundError:
        return
    raise AssertionError("a deleted response is still there")


@case("alias-model", gateway_only=True)
def alias_model():
    answer = client.chat.completions.create(model="alias-model", messages=ask())
    equal(answer.choices[0].message.content, "You said: Hello")
    equal(last("/v1/chat/completions")["json"]["model"], MODEL)


@case("slash-model")
def slash_model():
    client.chat.completions.create(model="org/slash-model", messages=ask())
    equal(last("/v1/chat/completions")["json"]["model"], "org/slash-model")


@case("unknown-fields")
def unknown_fields():
    extra = {"x_new_field": {"deep": [1, 2.50, None, "é"]}}
    client.chat.completions.create(model=MODEL, messages=ask(), extra_body=extra)
    equal(last("/v1/chat/completions")["json"]["x_new_field"], extra["x_new_field"])


@case("cancel")
def cancel():
    chunks = client.chat.completions.create(model="slow", messages=ask(), stream=True)
    for _ in range(3):
        next(chunks)
    chunks.close()
    return hung_up("/v1/chat/completions")


@case("cancel-waiting")
def cancel_waiting():
    try:
        client.with_options(timeout=0.5, max_retries=0).chat.completions.create(model="hang", messages=ask())
    except openai.APITimeoutError:
        return hung_up("/v1/chat/completions")
    raise AssertionError("an answer from a model that gives none")


@case("retries")
def retries():
    answer = client.chat.completions.create(model="fail-429-once", messages=ask())
    equal(answer.choices[0].message.content, "You said: Hello")
    equal([entry["status"] for entry in seen("/v1/chat/completions")], [429, 200])


def refused(model, kind, of=once, **options):
    try:
        answer = of.chat.completions.create(model=model, messages=ask(), **options)
        for _ in answer if options.get("stream") else ():
            pass
    except openai.OpenAIError as error:
        expect(type(error) is kind if kind is not openai.APIError else isinstance(error, kind), f"{kind.__name__}, not {error!r}")
        expect("sk-upstr" not in str(error) or DIRECT, f"nothing of the upstream key in {error}")
        return error
    raise AssertionError(f"{model} succeeded")


@case("error-400")
def error_400():
    error = refused("fail-400", openai.BadRequestError)
    equal((error.param, error.code), ("judged", "unsupported_parameter"))


@case("error-404")
def error_404():
    error = refused("fail-404", openai.NotFoundError)
    expect("says the vendor" in error.message, error.message)


@case("error-stream-404")
def error_stream_404():
    expect("says the vendor" in refused("fail-404", openai.NotFoundError, stream=True).message)


@case("error-500")
def error_500():
    refused("fail-500-always", openai.InternalServerError)


@case("error-401")
def error_401():
    if DIRECT:
        refused("fail-401", openai.AuthenticationError)
    else:  # the operator's key is bad, not the caller's
        error = refused("fail-401", openai.InternalServerError)
        equal(error.status_code, 502)
        expect("upstream_auth_failed" in str(error.body), error.body)


@case("error-mid-stream")
def error_mid_stream():
    expect("says the vendor" in str(refused("stream-error", openai.APIError, stream=True)))


@case("error-cut-stream")
def error_cut_stream():
    refused("stream-cut", openai.APIError, stream=True)


run("openai-python", openai.__version__)
