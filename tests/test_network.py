"""Nothing leaves the machine in a test, and no command listens."""

import json
import socket
import subprocess
import sys

import pytest
from tiny_endpoint import Reply, serving
from tiny_network import LeftTheMachine, opened


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80), ("0.0.0.0", 80)])
def test_a_connection_to_elsewhere_is_refused(address: tuple[str, int]):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as one, pytest.raises(LeftTheMachine):
        one.connect(address)
    with socket.socket(family, socket.SOCK_DGRAM) as one, pytest.raises(LeftTheMachine):
        one.sendto(b"x", address)


def test_a_name_of_elsewhere_is_not_asked_for():
    with pytest.raises(LeftTheMachine):
        socket.getaddrinfo("example.org", 80)
    with pytest.raises(LeftTheMachine):
        socket.create_connection(("example.org", 80), timeout=1)


def test_what_a_test_starts_finds_no_way_out_through_the_web():
    code = "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=5)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "Connection refused" in done.stderr


def test_this_machine_itself_answers():
    import urllib.request

    with serving(lambda request: Reply({"a": 1})) as server, urllib.request.urlopen(server.url) as reply:
        assert json.loads(reply.read()) == {"a": 1}


def test_a_socket_that_listens_would_be_seen():
    listen = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()"
    assert [event for event, _ in opened(listen)] == ["socket.bind"]


def test_the_import_of_everything_opens_no_connection():
    everything = """
from polydistill.component import KINDS, find, names
import polydistill.cli, polydistill.flow, polydistill.report, polydistill.comparing
for kind in KINDS:
    for name in names(kind):
        find(kind, name)
"""
    assert opened(everything) == []
