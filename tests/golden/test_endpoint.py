"""Asking a server for JSON, against a real one on this machine that fails in every way."""

import email.utils
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("httpx2", reason="polydistill[openai] is not installed")

from tiny_endpoint import Loopback, Reply, Request, serving

from polydistill.engines._endpoint import Endpoint, EndpointFailed, in_threads, retry_after

KEY = "sk-very-secret-0123456789"
GOOD = Reply({"value": 7})


def value(reply: Any) -> int:
    return reply["value"]


def asked(
    *replies: Reply, retries: int = 3, wait: float = 0.0, timeout: float = 5.0, key: str | None = None
) -> tuple[Any, Loopback]:
    """What comes of asking a server that gives these replies, the last one for ever: a value, or the failure."""
    left = list(replies)
    with serving(lambda request: left.pop(0) if len(left) > 1 else left[0]) as server:
        with Endpoint.connect(key, timeout, retries, wait) as endpoint:
            try:
                return endpoint.post(f"{server.url}/x", {"a": 1}, value), server
            except EndpointFailed as failed:
                return failed, server


def test_a_reply_is_read():
    found, server = asked(GOOD)
    assert found == 7
    assert [(r.method, r.path, r.body) for r in server.requests] == [("POST", "/v1/x", {"a": 1})]


def test_the_key_goes_into_the_header_alone():
    _, server = asked(GOOD, key=KEY)
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in server.requests[0].path
    _, server = asked(GOOD)
    assert "Authorization" not in server.requests[0].headers


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_what_may_pass_is_asked_again(status: int):
    found, server = asked(Reply(status=status), Reply(status=status), GOOD)
    assert found == 7
    assert len(server.requests) == 3


@pytest.mark.parametrize(("status", "advice"), [
    (429, "too many requests, or no credit left"), (500, "the server failed; look into its log"), (503, "the server failed"),
])  # fmt: skip
def test_what_does_not_pass_is_given_up(status: int, advice: str):
    found, server = asked(Reply({"error": {"message": "Overloaded.\nSorry."}}, status))
    assert len(server.requests) == 4
    assert found.status == status
    assert f"{server.url}/x answered {status} (Overloaded. Sorry.); {advice}" in str(found)
    assert str(found).endswith("(tried 4 times)")
    assert isinstance(found, OSError)


@pytest.mark.parametrize(("status", "advice"), [
    (400, "the server refuses the request"), (401, "the key is missing or wrong"), (403, "the key may not use this"),
    (404, "base_url mostly ends in /v1"), (422, "the server refuses the request"), (302, "it leads elsewhere"),
])  # fmt: skip
def test_a_refusal_is_not_asked_again(status: int, advice: str):
    found, server = asked(Reply({"error": "No."}, status, {"Location": "http://127.0.0.1:1/"}))
    assert len(server.requests) == 1
    assert found.status == status
    assert f"answered {status} (No.); " in str(found)
    assert advice in str(found)


def test_the_key_is_in_no_error():
    found, _ = asked(Reply({"error": {"message": f"Incorrect API key provided: {KEY}"}}, 401), key=KEY)
    assert "Incorrect API key provided: ***" in str(found)
    found, _ = asked(Reply(f"<html>{KEY}".encode()), key=KEY, retries=0)
    assert KEY not in str(found)
    assert "<html>***" in str(found)


@pytest.mark.parametrize("body", [b"<html>welcome", b"", b'{"value"', {}, {"other": 1}, [], None, "text"])
def test_what_is_no_such_reply_is_asked_for_again_and_then_named(body: Any):
    found, server = asked(Reply(body), GOOD)
    assert found == 7
    assert len(server.requests) == 2
    found, server = asked(Reply(body), retries=1)
    assert "did not answer as such an endpoint does" in str(found)
    assert "is base_url right?" in str(found)


def test_a_connection_that_is_cut_is_made_again():
    cut = Reply({"value": 7}, promised=1000)
    found, server = asked(cut, cut, GOOD)
    assert found == 7
    assert len(server.requests) == 3
    found, server = asked(cut, retries=1)
    assert f"no answer from {server.url}/x (" in str(found)


def test_a_server_that_is_not_there_is_named():
    with serving(lambda request: GOOD) as server:
        pass
    with Endpoint.connect(None, 5.0, 1, 0.0) as endpoint:
        with pytest.raises(
            EndpointFailed, match=r"no answer from http://127.0.0.1:\d+/v1/x .*is the server running.*tried 2 times"
        ):
            endpoint.get(f"{server.url}/x", value)


def test_a_server_that_hangs_is_left():
    going = threading.Event()

    def hangs(request: Request) -> Reply:
        going.wait(10)
        return GOOD

    with serving(hangs) as server, Endpoint.connect(None, 0.1, 1, 0.0) as endpoint:
        started = time.monotonic()
        with pytest.raises(EndpointFailed, match=r"within 0\.1 seconds; raise timeout or lower concurrency.*tried 2 times"):
            endpoint.get(f"{server.url}/x", value)
        assert 0.2 <= time.monotonic() - started < 5
        assert len(server.requests) == 2
        going.set()


def test_the_server_says_how_long_to_wait():
    started = time.monotonic()
    found, _ = asked(Reply(status=429, headers={"Retry-After": "0.3"}), GOOD, wait=60.0)
    assert found == 7
    assert 0.3 <= time.monotonic() - started < 5


def test_a_server_that_asks_to_wait_for_hours_is_not_waited_for():
    found, server = asked(Reply(status=429, headers={"Retry-After": "7200"}))
    assert len(server.requests) == 1
    assert "it asks to wait 7200 seconds: run again then" in str(found)


def test_waits_grow(monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []
    with Endpoint.connect(None, 5.0, 0, 10.0) as endpoint:
        monkeypatch.setattr(endpoint._closed, "wait", lambda seconds: waited.append(seconds) and False)
        for attempt in range(5):
            endpoint._pause("", attempt, None)
    for seconds, most in zip(waited, (10, 20, 40, 60, 60), strict=True):
        assert most / 2 <= seconds <= most


def test_closing_ends_the_waiting():
    with serving(lambda request: Reply(status=500)) as server:
        with Endpoint.connect(None, 5.0, 3, 60.0) as endpoint:
            failures: list[Exception] = []

            def ask() -> None:
                try:
                    endpoint.get(f"{server.url}/x", value)
                except EndpointFailed as failed:
                    failures.append(failed)

            thread = threading.Thread(target=ask)
            thread.start()
            while not server.requests:
                time.sleep(0.01)
        thread.join(5)
        assert len(failures) == 1


@pytest.mark.parametrize(("said", "seconds"), [
    (None, None), ("", None), ("3", 3.0), ("0.5", 0.5), ("-1", 0.0), ("soon", None),
    (email.utils.formatdate(1_000_090, usegmt=True), 90.0), (email.utils.formatdate(999_000, usegmt=True), 0.0),
])  # fmt: skip
def test_retry_after_is_seconds_or_a_date(said: str | None, seconds: float | None):
    assert retry_after(said, 1_000_000.0) == seconds


# Several at a time.


def test_threads_keep_the_order():
    delays = [0.06, 0.0, 0.03, 0.01]
    assert in_threads(4, lambda place: (time.sleep(delays[place]), place)[1], range(4)) == [0, 1, 2, 3]
    assert in_threads(4, str, []) == []


def watched(work: Callable[[], None]) -> tuple[Callable[[int], int], list[int]]:
    """Work that notes how many are at it."""
    at_it, lock, most = [0], threading.Lock(), [0]

    def one(item: int) -> int:
        with lock:
            at_it[0] += 1
            most[0] = max(most[0], at_it[0])
        work()
        with lock:
            at_it[0] -= 1
        return item

    return one, most


@pytest.mark.parametrize("threads", [1, 3])
def test_as_many_at_a_time_as_is_said(threads: int):
    one, most = watched(lambda: time.sleep(0.02))
    assert in_threads(threads, one, iter(range(9))) == list(range(9))
    assert most == [threads]


def test_each_result_is_heard_as_it_comes():
    delays, heard = [0.2, 0.0, 0.1], list[tuple[int, int]]()
    results = in_threads(3, lambda place: (time.sleep(delays[place]), place)[1] * 7, range(3), lambda *one: heard.append(one))
    assert results == [0, 7, 14]
    assert heard == [(1, 7), (2, 14), (0, 0)]


def test_the_first_failure_ends_it_all():
    done: list[int] = []

    def one(item: int) -> None:
        if item == 0:
            raise EndpointFailed("no")
        time.sleep(0.02)
        done.append(item)

    with pytest.raises(EndpointFailed, match="no"):
        in_threads(2, one, range(1000))
    time.sleep(0.1)
    assert len(done) < 20


def test_without_the_package_the_command_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "httpx2", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'polydistill\[openai\]'"):
        with Endpoint.connect(None, 5.0, 0, 0.0):
            pass
