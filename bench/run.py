#!/usr/bin/env python3
"""Measures the gateway beside HAProxy with wrk, nginx in the vendor's place. See README.md."""
from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import platform
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Tuple

HERE = Path(__file__).resolve().parent
MODEL = "gpt-bench"
CHAT = "/v1/chat/completions"
TICK = os.sysconf("SC_CLK_TCK")
READY_LIMIT = 20  # seconds for a process to answer
STOP_LIMIT = 5  # seconds from SIGTERM to SIGKILL
DISTURBED = 0.05  # share of the two cores that other programs took during a window: it is measured again
AGAIN = 4  # how often at most, before a disturbed window is taken as it is
H = "haproxy"  # whose median every ratio is against


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    body: int  # bytes
    connections: int


SCENARIOS = [
    Scenario("small", "1.5 KB request, 1 KB answer, 64 connections", 1536, 64),
    Scenario("large", "100 KB request, 1 KB answer, 16 connections", 100 * 1024, 16),
]
CONTENDERS = ["direct", H, "haproxy-seed", "openai-proxy"]
LEGEND = {
    "direct": "wrk straight to nginx",
    H: "the seed's routes and `option http-no-delay`: the one every ratio is against",
    "haproxy-seed": "the same without that option: cheaper, and delays each piece of a stream",
    "openai-proxy": "this repository",
}


class Failed(Exception):
    """What the caller is told, without a trace."""


# processes


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started within stays on that core; ourselves we come back."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Process:
    """A server we started and will stop, by its own pid."""

    def __init__(self, command: List[str], core: int, log: Path) -> None:
        clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.log = log
        with on_core(core), log.open("ab") as sink:
            self.started = time.perf_counter()
            self.popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=clean, cwd=log.parent, start_new_session=True)

    def until_200(self, port: int, path: str) -> float:
        """Seconds from the start to the first 200."""
        while time.perf_counter() - self.started < READY_LIMIT:
            if self.popen.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=2) as door:
                    door.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
                    if door.recv(4096).startswith(b"HTTP/1.1 200"):
                        return time.perf_counter() - self.started
            except OSError:
                pass
            time.sleep(0.0002)
        raise Failed(f"{self.popen.args[0]} did not become ready:\n{self.log.read_text(errors='replace')[-2000:]}")

    def tree(self) -> List[int]:
        found, at = [self.popen.pid], 0
        while at < len(found):
            for task in Path(f"/proc/{found[at]}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    found += [int(child) for child in task.read_text().split()]
            at += 1
        return found

    def cpu(self) -> float:
        """User and system seconds of the whole tree so far."""
        total = 0
        for pid in self.tree():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def rss(self) -> float:
        """MB in memory, of the whole tree."""
        lines = [line for pid in self.tree() for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024

    def stop(self) -> None:
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()


def free_ports(count: int) -> List[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def fill(template: str, target: Path, **words: object) -> Path:
    text = (HERE / template).read_text()
    for name, value in words.items():
        text = text.replace(f"@{name}@", str(value))
    target.write_text(text)
    return target


# what is sent and answered


def request_body(size: int) -> bytes:
    def build(filler: str) -> bytes:
        return json.dumps({
            "model": MODEL,
            "messages": [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": filler}],
            "temperature": 0.7,
            "max_completion_tokens": 256,
        }).encode()

    words = "The quick brown fox said \"no\" to the lazy dog.\n"
    filler = words * (size // len(words) + 1)
    while len(build(filler)) > size:
        filler = filler[:-1]
    return build(filler)


def answer_body() -> str:
    content = ("It depends on what is asked and of whom. " * 20)[:560]
    return json.dumps({
        "id": "chatcmpl-bench0000000000000000000000", "object": "chat.completion", "created": 1700000000, "model": MODEL,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content, "refusal": None, "annotations": []},
                     "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 320, "completion_tokens": 120, "total_tokens": 440,
                  "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                  "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0}},
        "service_tier": "default", "system_fingerprint": None,
    })


def check(port: int, body: bytes, expected: str, who: str) -> None:
    """One call by hand: a contender that answers something else is not measured."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        line.request("POST", CHAT, body, {"Content-Type": "application/json", "Authorization": "Bearer sk-bench-caller"})
        answer = line.getresponse()
        text = answer.read().decode()
    finally:
        line.close()
    if answer.status != 200 or text != expected:
        raise Failed(f"{who} answered {answer.status} with {text[:300]!r}")


# measuring


def busy(cores: Tuple[int, int]) -> float:
    """Seconds the two cores were not idle, stolen time included."""
    total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name in {f"cpu{core}" for core in cores}:
            total += sum(map(int, ticks[:8])) - int(ticks[3]) - int(ticks[4])
    return total / TICK


def ours() -> float:
    """CPU seconds of this program and of the clients it has waited for."""
    mine, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime


def wrk(port: int, body: Path, connections: int, seconds: float, core: int) -> Dict[str, float]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "5s", "-s", str(HERE / "load.lua"),
               f"http://127.0.0.1:{port}{CHAT}", "--", str(body)]
    with on_core(core):
        client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said, _ = client.communicate(timeout=seconds + 30)
    finally:
        if client.poll() is None:
            client.kill()
            client.wait()
    for line in said.splitlines():
        if line.startswith("FIGURES "):
            return json.loads(line[len("FIGURES "):])
    raise Failed(f"wrk gave no figures:\n{said}")


@dataclass
class Bench:
    arguments: argparse.Namespace
    folder: Path
    stack: contextlib.ExitStack
    cores: Tuple[int, int]  # the contender's; the load's and the upstream's

    def start(self, command: List[str], core: int, name: str) -> Process:
        process = Process(command, core, self.folder / f"{name}.log")
        self.stack.callback(process.stop)
        return process

    def upstream(self) -> Tuple[Process, Dict[str, int]]:
        small, large = free_ports(2)
        (self.folder / "root/v1/chat").mkdir(parents=True)
        (self.folder / "root" / CHAT[1:]).write_text("{}")
        config = fill("nginx.conf", self.folder / "nginx.conf", DIR=self.folder, SMALL=small, LARGE=large,
                      MODEL=MODEL, ANSWER=answer_body())
        command = ["nginx", "-e", str(self.folder / "nginx.log"), "-p", str(self.folder), "-c", str(config)]
        process = self.start(command, self.cores[1], "nginx-out")
        process.until_200(small, "/")
        return process, {"small": small, "large": large}

    def contender(self, name: str, upstream: int, listen: Optional[int] = None) -> Tuple[Process, int]:
        """The process, and the port it is to listen on; not yet ready."""
        listen = listen or free_ports(1)[0]
        if name == "openai-proxy":
            config = fill("gateway.yaml", self.folder / f"{listen}.yaml", LISTEN=listen, UPSTREAM=upstream)
            command = [str(self.arguments.binary), "serve", "--config", str(config)]
        else:
            option = "option http-no-delay" if name == H else ""
            config = fill("haproxy.cfg", self.folder / f"{listen}.cfg", LISTEN=listen, UPSTREAM=upstream, NO_DELAY=option)
            command = ["haproxy", "-db", "-f", str(config)]
        return self.start(command, self.cores[0], name), listen

    def starts(self, name: str, upstream: int) -> List[float]:
        """Milliseconds from exec to the first 200: from /readyz of ours, through HAProxy from the upstream."""
        found = []
        for _ in range(self.arguments.starts):
            process, port = self.contender(name, upstream)
            found.append(process.until_200(port, "/readyz" if name == "openai-proxy" else "/") * 1000)
            process.stop()
        return found

    def help_times(self, command: List[str]) -> List[float]:
        found = []
        for _ in range(self.arguments.starts):
            with on_core(self.cores[0]):
                began = time.perf_counter()
                subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
                found.append((time.perf_counter() - began) * 1000)
        return found

    def scenario(self, scenario: Scenario, nginx: Process, upstream: int) -> Dict[str, object]:
        body = self.folder / f"{scenario.name}.json"
        body.write_bytes(request_body(scenario.body))
        ports, running, idle = {"direct": upstream}, {}, {}
        for name in CONTENDERS[1:]:
            running[name], ports[name] = self.contender(name, upstream)
            running[name].until_200(ports[name], "/readyz" if name == "openai-proxy" else "/")
        time.sleep(1)
        for name, process in running.items():
            idle[name] = process.rss()
        for name, port in ports.items():
            check(port, body.read_bytes(), answer_body(), name)

        rounds: Dict[str, List[Dict[str, float]]] = {name: [] for name in ports}
        disturbed = 0
        for number in range(self.arguments.rounds):
            for name, port in ports.items():
                say(f"{scenario.name}: round {number + 1} of {self.arguments.rounds}, {name}")
                wrk(port, body, scenario.connections, self.arguments.warm_up, self.cores[1])
                for _ in range(AGAIN + 1):
                    figures = self.window(scenario, port, body, running.get(name), [nginx, *running.values()])
                    if figures["foreign"] <= DISTURBED:
                        break
                    say(f"  other programs took {figures['foreign']:.0%} of the two cores: once more")
                    disturbed += 1
                rounds[name].append(figures)
        loaded = {name: process.rss() for name, process in running.items()}
        for process in running.values():
            process.stop()
        return {"rounds": rounds, "rss_idle": idle, "rss_loaded": loaded, "disturbed": disturbed}

    def window(self, scenario: Scenario, port: int, body: Path, measured: Optional[Process], watched: List[Process]) -> Dict[str, float]:
        """One measurement: what wrk says, CPU a request, and how much of the two cores was neither wrk's nor of those watched."""
        def state() -> Tuple[float, float]:
            return busy(self.cores), ours() + sum(process.cpu() for process in watched)

        before, spent = state(), measured.cpu() if measured else 0.0
        figures = wrk(port, body, scenario.connections, self.arguments.seconds, self.cores[1])
        if measured:
            figures["cpu"] = (measured.cpu() - spent) * 1e6 / max(figures["requests"], 1)
        after = state()
        seconds = figures["microseconds"] / 1e6
        figures["rps"] = figures["requests"] / seconds
        figures["foreign"] = max(0.0, after[0] - before[0] - (after[1] - before[1])) / (2 * seconds)
        figures["failed"] = sum(figures[kind] for kind in ("not_2xx", "connect", "read", "write", "timeout"))
        return figures


# telling


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def first_line(command: List[str]) -> str:
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return (run.stdout.splitlines() or ["?"])[0].strip()


def machine(arguments: argparse.Namespace) -> Dict[str, object]:
    model = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    git = subprocess.run(["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return {
        "when": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "cpu": f"{os.cpu_count()} x {model[0] if model else platform.machine()}",
        "kernel": platform.release(),
        "load_before": os.getloadavg()[0],
        "haproxy": first_line(["haproxy", "-v"]), "nginx": first_line(["nginx", "-v"]), "wrk": first_line(["wrk", "-v"]),
        "openai-proxy": first_line([str(arguments.binary), "--version"]), "tree": git.stdout.strip() or "?",
        "rounds": arguments.rounds, "seconds": arguments.seconds,
    }


def table(result: Dict[str, dict]) -> str:
    lines = []
    columns: List[Tuple[str, str, Callable[[float], str]]] = [
        ("cpu", "CPU µs/request", lambda value: f"{value:.1f}"), ("rps", "requests/s", lambda value: f"{value:,.0f}"),
        ("p50", "p50 µs", lambda value: f"{value:,.0f}"), ("p99", "p99 µs", lambda value: f"{value:,.0f}"),
    ]
    titles = {scenario.name: scenario.title for scenario in SCENARIOS}
    for scenario, found in result["scenarios"].items():
        rounds = found["rounds"]
        lines += ["", titles[scenario],
                  f"  {'':13}" + "".join(f"{title:>18}{'x H':>6}" for _, title, _ in columns) + f"{'failed':>8}"]
        for name, series in rounds.items():
            row = f"  {name:13}"
            for key, _, form in columns:
                values = [one[key] for one in series if key in one]
                if not values:
                    row += f"{'-':>18}{'-':>6}"
                    continue
                middle = statistics.median(values)
                base = statistics.median(one[key] for one in rounds[H])
                spread = f"{form(middle)} ±{(max(values) - min(values)) / 2 / middle:.0%}"
                row += f"{spread:>18}{middle / base if base else 0:>6.2f}"
            lines.append(row + f"{sum(one['failed'] for one in series):>8,.0f}")
    lines += ["", "The process", f"  {'':13}{'start ms':>10}{'x H':>6}{'idle MB':>9}{'x H':>6}"
              + "".join(f"{'after ' + name + ' MB':>16}{'x H':>6}" for name in result["scenarios"])]
    memory = list(result["scenarios"].values())
    for name in CONTENDERS[1:]:
        def cell(read: Callable[[str], float], width: int) -> str:
            return f"{read(name):>{width}.1f}{read(name) / read(H):>6.2f}"

        row = f"  {name:13}" + cell(lambda who: statistics.median(result["starts_ms"][who]), 10)
        row += cell(lambda who: memory[0]["rss_idle"][who], 9)
        for one in memory:
            row += cell(lambda who, one=one: one["rss_loaded"][who], 16)
        lines.append(row)
    lines += ["", f"openai-proxy --help {statistics.median(result['help_ms']):.1f} ms "
              f"(of it, starting any program: {statistics.median(result['true_ms']):.1f} ms); "
              f"binary {result['binary_bytes'] / 1e6:.1f} MB", ""]
    lines += [f"{name:13} {text}" for name, text in LEGEND.items()]
    return "\n".join(lines)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=Path, required=True, help="the gateway to measure")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=6, help="length of a window")
    parser.add_argument("--warm-up", type=int, default=1, help="seconds of load before each window")
    parser.add_argument("--starts", type=int, default=20, help="how often starting is measured")
    parser.add_argument("--json", type=Path, help="write the raw figures there")
    arguments = parser.parse_args()
    if not os.access(arguments.binary, os.X_OK):
        parser.error(f"{arguments.binary} is not a program")
    if min(arguments.rounds, arguments.seconds, arguments.warm_up, arguments.starts) < 1:
        parser.error("numbers are to be 1 or more")
    arguments.binary = arguments.binary.resolve()
    return arguments


def main() -> int:
    arguments = read_arguments()
    for tool in ("haproxy", "nginx", "wrk"):
        if not shutil.which(tool):
            raise Failed(f"missing: {tool} (bench/run.sh says how to install it)")
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise Failed("Two cores are needed: one for the contender, one for load and upstream.")
    result: Dict[str, dict] = {"machine": machine(arguments), "scenarios": {}, "starts_ms": {}}
    print(*(f"{name}: {value}" for name, value in result["machine"].items()), sep="\n", flush=True)

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="openai-proxy-bench-")))
        bench = Bench(arguments, folder, stack, (available[0], available[1]))
        nginx, upstreams = bench.upstream()
        for scenario in SCENARIOS:
            result["scenarios"][scenario.name] = bench.scenario(scenario, nginx, upstreams[scenario.name])
        say("starting")
        for name in CONTENDERS[1:]:
            result["starts_ms"][name] = bench.starts(name, upstreams["small"])
        result["help_ms"] = bench.help_times([str(arguments.binary), "--help"])
        result["true_ms"] = bench.help_times([shutil.which("true") or "/bin/true"])
        result["binary_bytes"] = arguments.binary.stat().st_size

    print(table(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    windows = [one for found in result["scenarios"].values() for series in found["rounds"].values() for one in series]
    again = sum(found["disturbed"] for found in result["scenarios"].values())
    kept = sum(one["foreign"] > DISTURBED for one in windows)
    if again:
        print(f"\nOther programs ran: {again} windows were disturbed and {again - kept} measured again with success, {kept} stand as they are.")
    failed = sum(one["failed"] for one in windows)
    if failed:
        print(f"\n{failed:,.0f} calls failed: the figures of those rows are not worth reading.")
    return 1 if failed else 0


def stopped(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stopped)
    try:
        sys.exit(main())
    except Failed as error:
        sys.exit(f"bench: {error}")
