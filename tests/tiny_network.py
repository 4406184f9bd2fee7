"""A machine without a network: what would leave it is refused, loopback aside; programs find no way out through the web."""

import ipaddress
import json
import socket
import subprocess
import sys
from typing import Any

NOWHERE = {
    **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"),
    **dict.fromkeys(("no_proxy", "NO_PROXY"), "localhost,127.0.0.1,::1"),
}  # fmt: skip
"""For programs that tests start: whatever asks the web, asks a port of this machine at which nobody answers."""
HERE = {None, "", b"", "localhost", b"localhost", socket.gethostname()}


class LeftTheMachine(RuntimeError):
    """A test that wanted to reach another machine."""


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: refuses connections, datagrams and questions for names, other than to this machine itself."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # else a path of this machine
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
    else:
        return
    if host not in HERE and not _loopback(host):
        raise LeftTheMachine(f"{event} to {host!r}: tests stay on this machine")


def _loopback(host: Any) -> bool:
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host)).is_loopback
    except ValueError:
        return False


WATCHED = """
import json, sys
seen = []
sys.addaudithook(lambda event, args: seen.append([event, str(args[1:])]) if event.startswith("socket.") else None)
"""
OPENS = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo")
"""What opens a way in or out; nothing can listen that is not bound."""
LOOKS = ["socket.bind", "(('::1', 0),)"]
"""urllib3 looks whether there is IPv6, and closes the socket at once."""


def opened(code: str, *arguments: str) -> list[list[str]]:
    """The ways that a piece of code opens, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"{WATCHED}\n{code}\nprint(); print(json.dumps(seen))", *arguments],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    return [one for one in json.loads(done.stdout.splitlines()[-1]) if one[0] in OPENS and one != LOOKS]
