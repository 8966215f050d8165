"""The OpenAI Agents SDK for Python."""
import importlib.metadata

import openai
import pydantic
from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from cases import API_KEY, BASE_URL, case, equal, run, seen

set_tracing_disabled(True)


class Trip(pydantic.BaseModel):
    city: str
    days: int


@function_tool
def weather(city: str) -> str:
    """The weather somewhere."""
    return f"sun in {city}"


def agent(kind, **options):
    client = openai.AsyncOpenAI(base_url=BASE_URL, api_key=API_KEY)
    return Agent(name="Judge", instructions="Be brief.", model=kind(model="gpt-4o-mini", openai_client=client), **options)


async def with_a_tool(kind, path):
    result = await Runner.run(agent(kind, tools=[weather]), "Hello")
    equal(result.final_output, "The tool said: sun in Zürich 🏔")
    equal([entry["status"] for entry in seen(path)], [200, 200])


async def streamed(kind):
    result = Runner.run_streamed(agent(kind, tools=[weather]), "Hello")
    kinds = [event.type async for event in result.stream_events()]
    equal(result.final_output, "The tool said: sun in Zürich 🏔")
    return f"{len(kinds)} events"


@case("run-tool")
async def run_tool():
    await with_a_tool(OpenAIResponsesModel, "/v1/responses")


@case("run-tool-stream")
async def run_tool_stream():
    return await streamed(OpenAIResponsesModel)


@case("run-tool-chat")
async def run_tool_chat():
    await with_a_tool(OpenAIChatCompletionsModel, "/v1/chat/completions")


@case("run-tool-chat-stream")
async def run_tool_chat_stream():
    return await streamed(OpenAIChatCompletionsModel)


@case("run-structured")
async def run_structured():
    result = await Runner.run(agent(OpenAIResponsesModel, output_type=Trip), "Hello")
    equal(result.final_output, Trip(city="Zürich 🏔", days=7))


run("openai-agents-python", importlib.metadata.version("openai-agents"))
