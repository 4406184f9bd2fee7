"""Planted keys, whole runs, and then every byte that they left and said: no key is in it, in any form."""

import base64
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import tiny
from tiny_endpoint import Reply, Request, said, serving

pytestmark = pytest.mark.faults

USED = "canary/Kx7+Qm2zP9vT4wL8"
"""The key that is used. It looks like none, so that nothing but the care for it keeps it in."""
PLANTED = {
    "OPENAI_API_KEY": "sk-proj-canary9aB3dE5gH7jK9mN1pQ2rS4t", "HF_TOKEN": "hf_canaryaB3dE5gH7jK9mN1pQ2rS4tU6v",
    "AWS_ACCESS_KEY_ID": "AKIACANARY7EXAMPLE99", "AWS_SECRET_ACCESS_KEY": "canary9wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY",
    "ANTHROPIC_API_KEY": "sk-ant-api03-canary8zY7xW6vU5tS4rQ3pO2n", "GITHUB_TOKEN": "ghp_canary5tR4eW3qA2sD1fG6hJ7kL8zX9cV",
    "DATABASE_URL": "postgres://me:canaryhunter2@db/x",
}  # fmt: skip
"""Keys that lie in the environment of whoever runs it."""


def forms(key: str) -> set[bytes]:
    """A key as it is, quoted as in addresses and in JSON, and the middle of its base64 wherever in a text it begins."""
    shifted = {base64.b64encode(b"x" * shift + key.encode())[4:-4] for shift in range(3)}
    plain = {key, quote(key, safe=""), quote(key), json.dumps(key)[1:-1].replace("/", r"\/"), key[::-1], key.encode().hex()}
    return {form.encode() for form in plain} | shifted


def leaks(content: bytes) -> list[str]:
    """The keys that are in it."""
    return [name for name, key in {"USED": USED, **PLANTED}.items() if any(form in content for form in forms(key))]


def left(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        yield path, os.fsencode(str(path.relative_to(folder)))
        if path.is_symlink():
            yield path, os.fsencode(os.readlink(path))
        elif path.is_file():
            yield path, path.read_bytes()


def watched(command: list[str], environment: dict[str, str], folder: Path) -> tuple[int, bytes, bytes]:
    """The end of a command, what it said, and the arguments of every process that lived below it."""
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    arguments: set[bytes] = set()

    def look() -> None:
        while process.poll() is None:
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    try:
                        if os.getsid(int(entry.name)) == process.pid:
                            arguments.add((entry / "cmdline").read_bytes())
                    except (OSError, ProcessLookupError):
                        continue
            time.sleep(0.05)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    output, _ = process.communicate(timeout=500)
    thread.join()
    return process.returncode, output, b"\n".join(arguments)


def works(request: Request) -> Reply:
    """Answers as the toy model would; and says the key aloud where nobody asked."""
    if request.method == "GET":
        return Reply({"data": [{"id": "tiny"}], "you": request.headers})
    asked = request.body["messages"][-1]["content"]
    reply = said(asked.upper().lower())
    return Reply({**reply.body, "echo": request.headers}, headers={"X-Echo": request.headers["Authorization"]})


def fails_after(calls: int, status: int) -> Callable[[Request], Reply]:
    """Works, and then refuses with the key in every part of what it says."""
    count = iter(range(1 << 30))

    def answer(request: Request) -> Reply:
        if request.method == "GET" or next(count) < calls:
            return works(request)
        key = request.headers["Authorization"]
        told = {"error": {"message": f"wrong key {key} ({quote(key)})", "headers": request.headers}}
        return Reply(told, status, headers={"X-Echo": key})

    return answer


def no_json(request: Request) -> Reply:
    return works(request) if request.method == "GET" else Reply(f"<html>{request.headers}</html>".encode(), 200)


def no_models(request: Request) -> Reply:
    return Reply(f"no {request.headers['Authorization']}".encode(), 401)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.world(tmp_path_factory.mktemp("world"), taught=False).parent


ARMS, MANY = ["--arms", "untouched,plan"], ["mix.tokens=16000", "mix.repeat=12", "train.epochs=1"]
CASES: dict[str, tuple[Callable[[Request], Reply], str, list[str], tuple[int, ...], str]] = {
    "a run": (works, "key_variable: MY_KEY", ["run"], (0, 3), "report"),
    "a run in processes": (works, "key_file: KEYFILE", ["run", "train.processes=2"], (0, 3), "report"),
    "a comparison": (works, "key_file: KEYFILE", ["compare", *MANY, *ARMS], (0, 3), "report"),
    "a wrong key in the middle": (fails_after(20, 401), "key_variable: MY_KEY", ["run"], (1,), "the key is missing or wrong"),
    "a failing server": (fails_after(20, 500), "key_file: KEYFILE", ["run"], (1,), "answered 500"),
    "a failing arm": (fails_after(9, 403), "key_variable: MY_KEY", ["compare", *ARMS], (1,), "answered 403"),
    "no json": (no_json, "key_variable: MY_KEY", ["run"], (1,), "did not answer as such an endpoint does"),
    "refused at once": (no_models, "key_file: KEYFILE", ["check"], (2,), "answered 401"),
    "a key that is none": (works, "key_variable: BAD_KEY", ["run"], (2,), "BAD_KEY holds no key"),
    "a key in the plan": (works, f"extra: {{api_key: {USED}}}", ["run"], (2,), "key_variable or key_file"),
    "a key that looks like one": (works, f"revision: {PLANTED['OPENAI_API_KEY']}", ["run"], (2,), "looks like a key"),
    "a key for a name": (works, f"key_variable: {USED}", ["run"], (2,), "never the key itself"),
    "a key twice": (works, f"extra: {{token: {USED}, token: {USED}}}", ["run"], (2,), "duplicate key"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_no_key_is_left_anywhere(name: str, world: Path, tmp_path: Path):
    answer, key, verb, codes, told = CASES[name]
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "secrets").mkdir()
    key_file = tmp_path / "secrets" / "key"
    key_file.write_text(USED + "\n")
    key_file.chmod(0o600)
    environment = {
        **os.environ, **PLANTED, "MY_KEY": USED, "BAD_KEY": f"{USED}\nX-Injected: yes", "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"), "HF_HOME": str(home / "hf"), "TMPDIR": str(home), "COLUMNS": "200",
    }  # fmt: skip
    with serving(answer) as server:
        settings = key.replace("KEYFILE", str(key_file))
        engine = f"{{openai: {{base_url: '{server.url}', model: tiny, retries: 1, wait: 0.01, {settings}}}}}"
        plan = world / f"{tmp_path.name}.yaml"
        lines = f"{tiny.PLAN.format(folder=world)}\n".replace(f"{world}/runs", str(home / "runs"))
        plan.write_text(lines.replace("answer: {", f"answer: {{model: {engine}, "))
        try:
            command = [sys.executable, "-m", "polydistill", verb[0], str(plan), *verb[1:]]
            code, output, arguments = watched(command, environment, home)
        finally:
            text = plan.read_text()
            plan.unlink()
    assert code in codes, output.decode()
    assert told.encode() in output
    assert b"Traceback" not in output
    assert leaks(output) == [], output.decode()
    assert leaks(arguments) == []
    assert sum(len(content) for _, content in left(home)) > (1000 if 2 not in codes else -1)
    found = {str(path.relative_to(home)): keys for path, content in left(home) if (keys := leaks(content))}
    assert found == {}
    if "KEYFILE" in key or "MY_KEY" in key:
        assert USED not in text
        assert all(request.headers["Authorization"] == f"Bearer {USED}" for request in server.requests)
        assert server.requests


def test_the_search_finds_what_it_looks_for(tmp_path: Path):
    inside = {
        "raw": USED.encode(), "quoted": quote(USED, safe="").encode(), "json": json.dumps({"a": USED}).encode(),
        "header": base64.b64encode(f"me:{USED}".encode()), "base64": base64.b64encode(USED.encode()),
    }  # fmt: skip
    for name, content in inside.items():
        (tmp_path / name).write_bytes(b"\0\1" + content)
    (tmp_path / PLANTED["HF_TOKEN"]).touch()
    (tmp_path / "link").symlink_to(PLANTED["AWS_ACCESS_KEY_ID"])
    found = {path.name: leaks(content) for path, content in left(tmp_path) if leaks(content)}
    assert found == {name: ["USED"] for name in inside} | {PLANTED["HF_TOKEN"]: ["HF_TOKEN"], "link": ["AWS_ACCESS_KEY_ID"]}
