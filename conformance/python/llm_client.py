"""The `llm` command line."""
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cases import API_KEY, BASE_URL, case, equal, expect, last, run

PROGRAM = str(Path(sys.executable).with_name("llm"))
HOME = tempfile.TemporaryDirectory()


def llm(*arguments, **options):
    env = {**os.environ, "OPENAI_BASE_URL": BASE_URL, "OPENAI_API_KEY": API_KEY, "LLM_USER_PATH": HOME.name}
    done = subprocess.run([PROGRAM, *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    expect(done.returncode == 0, done.stderr.strip().splitlines()[-1:])
    return done.stdout.strip()


@case("stream")
def stream():
    equal(llm("-m", "gpt-4o-mini", "Hello 🏔"), "You said: Hello 🏔")
    expect(last("/v1/")["json"]["stream"], "a stream")


@case("no-stream")
def no_stream():
    equal(llm("-m", "gpt-4o-mini", "--no-stream", "Hello"), "You said: Hello")
    expect(not last("/v1/")["json"].get("stream"), "no stream")


@case("stdin")
def stdin():
    equal(llm("-m", "gpt-4o-mini", input="Hello"), "You said: Hello")


@case("continue")
def continued():
    llm("-m", "gpt-4o-mini", "First")
    equal(llm("-m", "gpt-4o-mini", "--continue", "Second"), "You said: Second")


@case("schema")
def schema():
    equal(json.loads(llm("-m", "gpt-4o-mini", "--schema", "city, days int", "Hello")), {"city": "Zürich 🏔", "days": 7})


@case("tool")
def tool():
    function = 'def weather(city: str) -> str:\n    """The weather somewhere"""\n    return "sun in " + city\n'
    equal(llm("-m", "gpt-4o-mini", "--functions", function, "Hello").splitlines()[-1], "The tool said: sun in Zürich 🏔")


@case("embed")
def embed():
    equal(len(json.loads(llm("embed", "-m", "3-small", "-c", "Hello"))), 256)


run("llm", importlib.metadata.version("llm"))
