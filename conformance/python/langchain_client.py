"""LangChain's OpenAI integration."""
import importlib.metadata

import pydantic
from cases import API_KEY, BASE_URL, case, equal, expect, hung_up, last, run, seen
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

SHARED = dict(base_url=BASE_URL, api_key=API_KEY)
model = ChatOpenAI(model="gpt-4o-mini", **SHARED)
responses = ChatOpenAI(model="gpt-4o-mini", use_responses_api=True, **SHARED)


class Trip(pydantic.BaseModel):
    """A trip."""

    city: str
    days: int


@tool
def weather(city: str) -> str:
    """The weather somewhere."""
    return f"sun in {city}"


@case("invoke")
def invoke():
    answer = model.invoke("Hello 🏔")
    equal(answer.content, "You said: Hello 🏔")
    expect(answer.usage_metadata["total_tokens"] > 0)


@case("invoke-async")
async def invoke_async():
    equal((await model.ainvoke("Hello")).content, "You said: Hello")


@case("batch")
def batch():
    equal([answer.content for answer in model.batch(["a", "b", "c"])], ["You said: a", "You said: b", "You said: c"])


@case("stream")
def stream():
    chunks = list(model.stream("Hello"))
    equal("".join(chunk.content for chunk in chunks), "You said: Hello")
    expect(len(chunks) > 3, "more than one chunk")


@case("tools")
def tools():
    asked = [HumanMessage("Hello")]
    bound = model.bind_tools([weather])
    first = bound.invoke(asked)
    call = first.tool_calls[0]
    equal((call["name"], call["args"]), ("weather", {"city": "Zürich 🏔"}))
    told = ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])
    equal(bound.invoke([*asked, first, told]).content, "The tool said: sun in Zürich 🏔")


@case("structured")
def structured():
    equal(model.with_structured_output(Trip).invoke("Hello"), Trip(city="Zürich 🏔", days=7))


@case("structured-by-tool")
def structured_by_tool():
    equal(model.with_structured_output(Trip, method="function_calling").invoke("Hello"), Trip(city="Zürich 🏔", days=7))


@case("responses")
def responses_invoke():
    equal(responses.invoke("Hello").text, "You said: Hello")
    equal(last("/v1/")["path"], "/v1/responses")


@case("responses-stream")
def responses_stream():
    equal("".join(chunk.text for chunk in responses.stream("Hello")), "You said: Hello")


@case("embeddings")
def embeddings():
    of = OpenAIEmbeddings(model="text-embedding-3-small", check_embedding_ctx_length=False, **SHARED)
    equal([len(vector) for vector in of.embed_documents(["one", "two"])], [256, 256])
    equal(of.embed_query("one"), of.embed_documents(["one"])[0])


@case("retries")
def retries():
    equal(ChatOpenAI(model="fail-429-once", **SHARED).invoke("Hello").content, "You said: Hello")
    equal([entry["status"] for entry in seen("/v1/chat/completions")], [429, 200])


@case("cancel")
def cancel():
    chunks = ChatOpenAI(model="slow", **SHARED).stream("Hello")
    for _ in range(3):
        next(chunks)
    chunks.close()
    return hung_up("/v1/chat/completions")


run("langchain-openai", importlib.metadata.version("langchain-openai"))
