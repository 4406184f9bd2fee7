"""A page in a real headless Chromium, spoken to through the DevTools protocol over two pipes."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe",
)  # fmt: skip


class Page:
    """One tab. What its console and its network say is gathered from the first navigation on."""

    def __init__(self, commands: int, answers: int):
        self.commands, self.answers, self.rest = commands, answers, b""
        self.last, self.session, self.events = 0, None, []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """One command and its result; events that come before it are kept."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        os.write(self.commands, json.dumps(message | ({"sessionId": self.session} if self.session else {})).encode() + b"\0")
        while (said := self._read()).get("id") != self.last:
            self.events.append(said)
        if "error" in said:
            raise RuntimeError(f"{method}: {said['error']['message']}")
        return said["result"]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            more = os.read(self.answers, 1 << 20)
            if not more:
                raise RuntimeError("Chromium has gone")
            self.rest += more
        said, _, self.rest = self.rest.partition(b"\0")
        return json.loads(said)

    def open(self, path: Path, width: int = 1200, height: int = 900, scheme: str = "light") -> None:
        """Loads a file, and waits until the page says that it has drawn everything."""
        self.events.clear()
        phone = width < 600
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.send("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.send("Page.navigate", url=path.resolve().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())
        self("Promise.resolve(window.drawn).then(() => true)")

    def __call__(self, expression: str) -> Any:
        """The value of a JavaScript expression; promises are waited for."""
        done = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(done["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        return done["result"].get("value")

    def key(self, text: str) -> None:
        """Presses one key."""
        named = {"Escape": 27, "Enter": 13}
        code = {"windowsVirtualKeyCode": named.get(text, ord(text[0].upper()))}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=text, **code, **({} if text in named else {"text": text}))
        self.send("Input.dispatchKeyEvent", type="keyUp", key=text, **code)

    def complaints(self) -> list[str]:
        """Everything of the console that is no plain message, violations of the security policy included."""
        found = []
        for event in self.events:
            said = event.get("params", {})
            match event.get("method"):
                case "Log.entryAdded":
                    found.append(f"{said['entry']['level']}: {said['entry']['text']}")
                case "Runtime.exceptionThrown":
                    found.append(said["exceptionDetails"].get("exception", {}).get("description", str(said)))
                case "Runtime.consoleAPICalled" if said["type"] in ("error", "warning", "assert"):
                    found.append(f"{said['type']}: {[one.get('value', one.get('description')) for one in said['args']]}")
        return found

    def requests(self) -> list[str]:
        """Addresses that were asked for."""
        return [
            event["params"]["request"]["url"] for event in self.events if event.get("method") == "Network.requestWillBeSent"
        ]


@contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """A browser with one page, ended with the block."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise RuntimeError(f"no browser; install one of {', '.join(PROGRAMS)} (Debian: apt install chromium fonts-noto)")
    reads, commands = os.pipe()
    answers, writes = os.pipe()
    command = ["bash", "-c", f'exec "$@" 3<&{reads} 4>&{writes}', "bash", program, *QUIET, f"--user-data-dir={profile}"]
    with subprocess.Popen(command, pass_fds=(reads, writes), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as browser:
        os.close(reads)
        os.close(writes)
        page = Page(commands, answers)
        try:
            yield page
        finally:
            browser.terminate()
            os.close(commands)
            os.close(answers)
