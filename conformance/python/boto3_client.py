"""AWS's SDK: converse of bedrock-runtime. Once as it comes, when it signs, and once with a key shown as a bearer."""
import json
import os

import boto3
from asking import (ABOUT, API_KEY, BASE_URL, BUSY, CACHED, GIVEN, HEARD, LIMIT, MODEL, OBEYED, PNG, PROMPT, RESULTS, RETRY_AFTER, SAID,
                    SCHEMAS, SEEN, STORED, SYSTEM, THOUGHT, TRIP, TRIP_SAID, TRUNCATED, WRITTEN, broken, called, case, equal, expect, run)
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError, HTTPClientError
from urllib3.exceptions import ProtocolError

ONCE = {"total_max_attempts": 1}
# Unmodified: address, keys and region are those of its environment.
signing = boto3.client("bedrock-runtime", config=Config(retries=ONCE))


def show(request, **_):
    """A key shown as a bearer, which by itself it does over TLS alone."""
    request.headers["Authorization"] = f"Bearer {API_KEY}"


client = boto3.client("bedrock-runtime", endpoint_url=BASE_URL, config=Config(retries=ONCE, signature_version=UNSIGNED))
client.meta.events.register("before-send.bedrock-runtime", show)
SPECS = [{"toolSpec": {"name": name, "description": ABOUT[name], "inputSchema": {"json": SCHEMAS[name]}}} for name in GIVEN]
TOOLS = {"toolConfig": {"tools": SPECS}}
THINK = {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}, "inferenceConfig": {"maxTokens": 2048}}


class Heard:
    """An answer: its message, why it ended, what it cost."""

    def __init__(self, message, reason, usage):
        self.message, self.reason, self.usage = message, reason, usage
        self.text = "".join(block.get("text", "") for block in message["content"])
        uses = [block["toolUse"] for block in message["content"] if "toolUse" in block]
        self.calls = [(use["toolUseId"], use["name"], use["input"]) for use in uses]
        thoughts = [block["reasoningContent"]["reasoningText"] for block in message["content"] if "reasoningContent" in block]
        self.thought = "".join(thought["text"] for thought in thoughts)


def user(*blocks):
    return {"role": "user", "content": [{"text": block} if isinstance(block, str) else block for block in blocks]}


def messages(given):
    return given if isinstance(given, list) else [user(given)]


def whole(given, by=client, **options):
    answer = by.converse(modelId=MODEL, messages=messages(given), **options)
    return Heard(answer["output"]["message"], answer["stopReason"], answer["usage"])


def streamed(given, by=client, **options):
    """Gathers a stream as AWS's own examples do: block by block, in order."""
    blocks, reason, usage, role = {}, None, None, None
    for event in by.converse_stream(modelId=MODEL, messages=messages(given), **options)["stream"]:
        [(kind, data)] = event.items()
        if kind == "messageStart":
            role = data["role"]
        elif kind == "contentBlockStart":
            blocks[data["contentBlockIndex"]] = {"toolUse": {**data["start"]["toolUse"], "input": ""}}
        elif kind == "contentBlockDelta":
            grow(blocks.setdefault(data["contentBlockIndex"], {}), data["delta"])
        elif kind == "messageStop":
            reason = data["stopReason"]
        elif kind == "metadata":
            usage = data["usage"]
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    equal(sorted(blocks), list(range(len(blocks))))
    return Heard({"role": role, "content": [blocks[index] for index in sorted(blocks)]}, reason, usage)


def grow(block, delta):
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        block["toolUse"]["input"] += delta["toolUse"]["input"]
    else:
        thought = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})["reasoningText"]
        for name, piece in delta["reasoningContent"].items():
            thought[name] = thought.get(name, "") + piece


def results(calls):
    return user(*({"toolResult": {"toolUseId": ident, "content": [{"text": RESULTS[name]}], "status": "success"}} for ident, name, _ in calls))


def answered(ask, word, **options):
    said = ask(word, **options)
    equal(said.reason, "tool_use")
    called(said.calls)
    equal(ask([user(word), said.message, results(said.calls)], **options).text, HEARD)
    return said


def spoken(one):
    """The same case, asked for as a whole and as a stream."""
    case(one.__name__)(lambda: one(whole))
    case(f"{one.__name__}-stream")(lambda: one(streamed))
    return one


@spoken
def plain(ask):
    said = ask("say hello")
    equal((said.text, said.reason, said.message["role"]), (SAID, "end_turn", "assistant"))


@spoken
def signed(ask):
    """As it comes: it signs with the credentials it finds."""
    equal(ask("say hello", by=signing).text, SAID)


@spoken
def signed_tools(ask):
    """A body of many kinds of letters, and of more than one line."""
    answered(ask, "call", by=signing, **TOOLS)


@case("signed-wrongly", gateway_only=True)
def signed_wrongly():
    """With the right id and another secret, of which the vendor sees the id alone."""
    wrong = boto3.client("bedrock-runtime", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key="wrong",
                         config=Config(retries=ONCE))
    try:
        streamed("say hello", by=wrong)
    except ClientError as error:
        equal((error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]), ("InvalidSignatureException", 403))
        return expect("does not match" in error.response["Error"]["Message"], error)
    raise AssertionError("no error")


@spoken
def system(ask):
    equal(ask("say hello", system=[{"text": SYSTEM}]).text, OBEYED)


@spoken
def turns(ask):
    first = ask("say hello")
    equal(ask([user("say hello"), first.message, user("say hello")]).text, SAID)


@spoken
def tools(ask):
    answered(ask, "call", **TOOLS)


@spoken
def think(ask):
    said = ask("think hello", **THINK)
    equal((said.thought, said.text), (THOUGHT, SAID))


@spoken
def think_tools(ask):
    equal(answered(ask, "think call", **TOOLS, **THINK).thought, THOUGHT)


@case("image")
def image():
    equal(whole([user({"image": {"format": "png", "source": {"bytes": PNG}}}, "see")]).text, SEEN)


@spoken
def schema(ask):
    form = {"type": "json_schema", "structure": {"jsonSchema": {"name": "trip", "schema": json.dumps(TRIP)}}}
    equal(json.loads(ask("json", outputConfig={"textFormat": form}).text), TRIP_SAID)


@spoken
def length(ask):
    said = ask("long", inferenceConfig={"maxTokens": LIMIT})
    equal((said.text, said.reason, said.usage["outputTokens"]), (TRUNCATED, "max_tokens", LIMIT))


@spoken
def usage(ask):
    usage = ask("say hello").usage
    equal((usage["inputTokens"], usage["outputTokens"], usage["totalTokens"]), (PROMPT - CACHED - STORED, WRITTEN, PROMPT + WRITTEN))
    equal((usage.get("cacheReadInputTokens", 0), usage.get("cacheWriteInputTokens", 0)), (CACHED, STORED))


@spoken
def error_400(ask):
    try:
        ask("nonsense")
    except client.exceptions.ValidationException as error:
        return expect("no answer to" in error.response["Error"]["Message"], error)
    raise AssertionError("no error")


@case("cut")
def cut():
    stream = client.converse_stream(modelId=MODEL, messages=[user("cut")])["stream"]
    return broken(stream, (EventStreamError, HTTPClientError, ProtocolError), lambda event: event.get("contentBlockDelta", {}).get("delta", {}).get("text"))


@spoken
def error_429(ask):
    try:
        ask("fail")
    except client.exceptions.ThrottlingException as error:
        expect(BUSY in error.response["Error"]["Message"], error)
        return equal(error.response["ResponseMetadata"]["HTTPHeaders"].get("retry-after"), RETRY_AFTER)
    raise AssertionError("no error")


run("boto3", boto3.__version__)
