"""A process with everything imported that starts commands of polydistill by forking: in milliseconds, not in seconds.

It reads one JSON request a line from its standard input and answers each with one line. ``start`` gives the process's number;
``wait`` its exit code, negative where a signal ended it.
"""

import ctypes
import gc
import importlib
import json
import os
import sys
import time
import traceback
from typing import Any

MODULES = (
    "polydistill.cli", "polydistill.flow", "polydistill.loop", "polydistill.run_folder", "polydistill.checkpoints",
    "polydistill.views.html_page", "polydistill.views.charts", "polydistill.engines._torch", "faults.counting_engine",
    "faults.counting_translator", "polydistill.languages.language_id", "transformers.models.llama.modeling_llama",
    "transformers.models.auto.modeling_auto", "transformers.models.auto.tokenization_auto", "accelerate", "altair",
    "vl_convert", "statsmodels.stats.multitest", "scipy.stats", "datasketch", "httpx2", "polydistill.engines.openai",
)  # fmt: skip


def command(request: dict[str, Any]) -> int:
    """Runs one command line in this process, which was forked for it; its exit code."""
    for name, value in request["set"].items():
        module, _, variable = name.rpartition(".")
        getattr(importlib.import_module(module), variable)  # a name that is gone would change nothing
        setattr(importlib.import_module(module), variable, value)
    os.environ.update(request["environment"])
    if shift := request["shift"]:
        now = time.time
        time.time = lambda: now() + shift
    if fault := request["fault"]:
        strings = [fault["below"].encode(), fault["journal"].encode()]
        ctypes.CDLL(None).faults_arm(
            ctypes.c_char_p(strings[0]), ctypes.c_long(fault["at"]), ctypes.c_long(fault["many"]), fault["error"],
            ord(fault["only"] or "\0"), ctypes.c_char_p(strings[1]),
        )  # fmt: skip
    from polydistill.cli import app

    try:
        app(request["arguments"])
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 70
    return 0


def start(request: dict[str, Any]) -> int:
    """The number of a process that runs the command."""
    child = os.fork()
    if child:
        return child
    code = 71
    try:
        os.setsid()
        for number, path in ((0, os.devnull), (1, request["said"]), (2, request["errors"])):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), number)
        code = command(request)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def main() -> None:
    for module in MODULES:
        importlib.import_module(module)
    from polydistill.views.html_page import drawing

    drawing()  # cached: seconds of every report
    gc.freeze()  # statsmodels asks for a whole collection
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        answer = start(request) if "arguments" in request else os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
