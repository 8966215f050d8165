"""aider: one real edit of a file in a fresh git repository."""
import importlib.metadata
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cases import API_KEY, BASE_URL, case, equal, expect, last, run

PROGRAM = str(Path(sys.executable).with_name("aider"))
QUIET = [
    "--no-check-update", "--no-show-release-notes", "--no-show-model-warnings", "--analytics-disable", "--no-gitignore",
    "--no-auto-commits", "--no-auto-lint", "--no-suggest-shell-commands", "--no-detect-urls", "--no-pretty", "--no-fancy-input",
    "--yes-always", "--map-tokens", "0", "--edit-format", "diff",
]  # fmt: skip
ENV = {
    **os.environ, "OPENAI_API_BASE": BASE_URL, "OPENAI_API_KEY": API_KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "TERM": "dumb",
}  # fmt: skip


def edit(*options):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "--quiet", folder], check=True)
        subprocess.run(["git", "-C", folder, "config", "user.name", "judge"], check=True)
        subprocess.run(["git", "-C", folder, "config", "user.email", "judge@localhost"], check=True)
        file = Path(folder, "hello.py")
        file.write_text('print("hello")\n')
        command = [PROGRAM, "--model", "openai/aider-edit", *QUIET, *options, "--message", "greet the world", "hello.py"]
        done = subprocess.run(command, cwd=folder, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        expect(done.returncode == 0, done.stdout[-300:])
        expect("hello, world" in file.read_text(), done.stdout[-300:])
        equal(file.read_text(), 'print("hello, world")\n')
    return last("/v1/chat/completions")["json"].get("stream", False)


@case("edit")
def edit_streamed():
    expect(edit() is True, "a stream")


@case("edit-no-stream")
def edit_whole():
    expect(not edit("--no-stream"), "no stream")


run("aider", importlib.metadata.version("aider-chat"), limit=85)
