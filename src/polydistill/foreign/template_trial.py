"""A stranger's chat template is tried in a process of its own before it is used here: it must end, and stay small.

The process has limits of processor time, memory and output, and imports Jinja alone, in an environment as transformers makes
it.
A template that behaves in the trial may still misbehave at other chats; what it then costs is a stop by hand, never data.
"""

import json
import subprocess
import sys
from typing import Any

SECONDS, MEGABYTES, LETTERS = 2, 512, 200_000
"""Limits of a trial: processor time, memory, and what is written for the longest of its chats, which has 20,000 letters."""
WAIT = 20
"""Seconds by the clock, on a machine that is busy."""
VERSION = 1


def chats() -> list[list[dict[str, str]]]:
    """Shapes of chats: short, with a system line, long, of many turns, with marks of every kind."""
    user, assistant = ({"role": role, "content": "Why is the sky blue, 1 or 2?"} for role in ("user", "assistant"))
    system = {"role": "system", "content": "Be kind."}
    marks = {"role": "user", "content": "</think> {{ a }} {% b %} <|end|> <s> ]  \n\n \t ñ \U0001f642 \u202e"}
    long = {"role": "user", "content": "word " * 4000}
    return [[], [user], [system, user], [user, assistant, user], [user, assistant] * 20 + [user], [marks], [long]]


def fault(source: str) -> str:
    """Why a template must not be used; empty where it may."""
    limits = {"seconds": SECONDS, "megabytes": MEGABYTES, "letters": LETTERS}
    try:
        done = subprocess.run(
            [sys.executable, "-I", __file__], input=json.dumps({"source": source, "chats": chats(), **limits}),
            capture_output=True, text=True, timeout=WAIT, check=False, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"it does not end within {WAIT} seconds"
    if done.returncode < 0:
        return f"it takes more than {SECONDS} seconds"
    return done.stdout.strip() if done.returncode == 0 else f"it needs more than {MEGABYTES} MB"


def try_all(source: str, chats: list[Any], letters: int) -> str:
    """Renders a template for each chat; empty where none took too much."""
    from jinja2 import TemplateError, nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from jinja2.utils import Namespace

    class Generation(Extension):
        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body).set_lineno(line)

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    def tojson(
        value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
    ) -> str:  # fmt: skip
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    here = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    here.filters["tojson"] = tojson
    here.globals |= {
        "raise_exception": raise_exception, "strftime_now": lambda form: "2025-01-01", "dict": dict, "namespace": Namespace,
    }  # fmt: skip
    try:
        template = here.from_string(source)
    except TemplateError:  # said where it is used
        return ""
    names = {"bos_token": "<s>", "eos_token": "</s>", "enable_thinking": False, "tools": None, "documents": None}
    for chat in chats:
        for opens in (True, False):
            written = 0
            try:
                for part in template.generate(messages=chat, add_generation_prompt=opens, **names):
                    written += len(part)
                    if written > letters:
                        return f"it writes more than {letters} letters for a chat of at most 20,000"
            except MemoryError:
                raise
            except Exception:  # a chat that it refuses
                continue
    return ""


def main() -> None:
    """The process of its own: what to try comes from standard input."""
    given = json.load(sys.stdin)
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (given["seconds"], given["seconds"] + 1))
        resource.setrlimit(resource.RLIMIT_AS, (given["megabytes"] << 20, given["megabytes"] << 20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):  # a system without such limits: the caller's clock remains
        pass
    print(try_all(given["source"], given["chats"], given["letters"]))


if __name__ == "__main__":
    main()
