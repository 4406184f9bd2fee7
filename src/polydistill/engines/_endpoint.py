"""Asking an HTTP endpoint for JSON, and asking again where a failure may pass."""

import email.utils
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any, TypeVar

from .. import progress
from ..component import missing_extra
from ..privacy.keys import masked
from ..storage.store import Failed
from . import GaveUp

S, T = TypeVar("S"), TypeVar("T")

ADVICE = {
    401: "the key is missing or wrong; see key_variable",
    403: "the key may not use this",
    404: "base_url or model is wrong; base_url mostly ends in /v1",
    408: "it took too long; try a lower concurrency",
    413: "the request is too large; give shorter texts",
    429: "too many requests, or no credit left; try a lower concurrency, or later",
}
OF_ONE_REQUEST = (400, 413, 422, 451)
"""Statuses by which a server refuses what is asked, not who asks."""
DOWN, REFUSED = 3, 10
"""A server is down when so many requests fail one after the other, each after all its tries; it refuses whatever is asked when
it has refused so many and answered none."""
MOST_SECONDS = 600.0
"""A server that asks to wait longer is not waited for."""


class EndpointFailed(GaveUp):
    """A request that failed, whatever was tried: what the endpoint said, and what to do."""

    def __init__(self, sentence: str, status: int | None = None, passing: bool = False):
        super().__init__(sentence)
        self.status, self.passing = status, passing
        """``passing``: the same request may succeed another time."""


class Patience:
    """Tells requests that fail from a server that does, over all that one server is asked; used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered = False
        self._last: EndpointFailed | None = None
        self._refused = self._down = 0
        self.over: EndpointFailed | None = None
        """Why the server is not asked any more."""

    def answered(self) -> None:
        """A request has succeeded."""
        with self._lock:
            self._answered, self._down = True, 0

    def settle(self) -> None:
        """Called when all that was asked is over.

        Raises:
            EndpointFailed: requests failed that may pass, and none has ever been answered.
        """
        if self._last and not self._answered:
            raise self._last

    def failed(self, error: EndpointFailed) -> Failed:
        """The failure of one request.

        Raises:
            EndpointFailed: the server itself fails: it refuses who asks, or whatever is asked, or is down.
        """
        with self._lock:
            if error.passing:
                self._down += 1
                over = self._down >= DOWN
                self._last = error
            elif error.status in OF_ONE_REQUEST:
                self._refused += 1
                over = not self._answered and self._refused >= REFUSED
            else:
                over = True
            if over:
                self.over = error
                raise error
        return Failed(str(error)[:500], lasting=not error.passing)


class Endpoint:
    """A connection to one server; it may be used from several threads."""

    def __init__(self, client: Any, key: str | None, timeout: float, retries: int, wait: float):
        self._client, self._key = client, key
        self._timeout, self._retries, self._wait = timeout, retries, wait
        self._closed = threading.Event()

    @classmethod
    @contextmanager
    def connect(cls, key: str | None, timeout: float, retries: int, wait: float) -> Iterator["Endpoint"]:
        """A connection for the length of a ``with`` block; the key goes into the header alone.

        Raises:
            ModuleNotFoundError: httpx2 is not installed.
        """
        try:
            import httpx2
        except ImportError:
            raise ModuleNotFoundError(missing_extra("httpx2", "openai")) from None
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limits = httpx2.Limits(max_connections=None)
        with httpx2.Client(headers=headers, timeout=timeout, limits=limits, follow_redirects=False) as client:
            endpoint = cls(client, key, timeout, retries, wait)
            try:
                yield endpoint
            finally:
                endpoint._closed.set()

    def get(self, url: str, read: Callable[[Any], T]) -> T:
        """``read`` of the JSON at a URL."""
        return self._ask("GET", url, None, read)

    def post(self, url: str, body: dict[str, Any], read: Callable[[Any], T]) -> T:
        """``read`` of the JSON that the server answers to a body.

        Raises:
            EndpointFailed: the server refuses, or fails more often than is tried again.
        """
        return self._ask("POST", url, body, read)

    def _ask(self, method: str, url: str, body: dict[str, Any] | None, read: Callable[[Any], T]) -> T:
        import httpx2

        for attempt in range(self._retries + 1):
            asked_to_wait = status = None
            try:
                reply = self._client.request(method, url, json=body)
                status = reply.status_code
                if reply.is_success:
                    return read(reply.json())
                problem = f"{url} answered {status}{self._said(reply)}; {ADVICE.get(status) or _advice(status)}"
                if status not in (408, 429) and status < 500:
                    raise EndpointFailed(problem, status)
                asked_to_wait = retry_after(reply.headers.get("Retry-After"), time.time())
            except httpx2.TimeoutException:
                problem = f"no answer from {url} within {self._timeout:g} seconds; raise timeout or lower concurrency"
            except httpx2.RequestError as error:
                problem = f"no answer from {url} ({error or type(error).__name__}); is the server running, and base_url right?"
            except (ValueError, KeyError, IndexError, TypeError, AttributeError):
                problem = f"{url} did not answer as such an endpoint does{self._said(reply)}; is base_url right?"
            if attempt < self._retries:
                self._pause(problem, attempt, asked_to_wait)
        raise EndpointFailed(f"{problem} (tried {self._retries + 1} times)", status, passing=True)

    def _pause(self, problem: str, attempt: int, asked: float | None) -> None:
        if asked is not None and asked > MOST_SECONDS:
            raise EndpointFailed(f"{problem}; it asks to wait {asked:.0f} seconds: run again then")
        seconds = min(self._wait * 2**attempt * random.uniform(0.5, 1), 60.0) if asked is None else asked
        if seconds > 1:
            progress.note(f"waiting {seconds:.0f} seconds to ask again")
        if self._closed.wait(seconds):
            raise EndpointFailed(problem)

    def _said(self, reply: Any) -> str:
        """What the server said about it, in short, and never with the key in it."""
        try:
            stated = reply.json()["error"]
            text = stated["message"] if isinstance(stated, dict) else str(stated)
        except (ValueError, KeyError, TypeError):
            text = reply.text
        text = " ".join(text.split())
        if self._key:
            text = masked(text.replace(self._key, "***"))
        return f" ({text[:300]})" if text else ""


def in_threads(
    threads: int, work: Callable[[S], T], items: Iterable[S], heard: Callable[[int, T], None] | None = None
) -> list[T]:  # fmt: skip
    """The work on every item, several at a time, in the items' order. ``heard`` is told each result as it comes, by its place.

    Raises:
        EndpointFailed: the first lasting failure; what is under way is waited for, and ``found`` holds it.
    """
    pool = ThreadPoolExecutor(threads)
    replies = [pool.submit(work, item) for item in items]
    try:
        places = {reply: place for place, reply in enumerate(replies)}
        for number, reply in enumerate(as_completed(replies), 1):
            result = reply.result()
            if heard:
                heard(places[reply], result)
            progress.note(f"{number} of {len(replies)} replies")
    except EndpointFailed as failure:
        pool.shutdown(cancel_futures=True)
        failure.found = [None if r.cancelled() or r.exception() else r.result() for r in replies]
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return [reply.result() for reply in replies]


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks to wait, given as seconds or as a date; None where it says nothing."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return None


def _advice(status: int) -> str:
    if status >= 500:
        return "the server failed; look into its log"
    return "it leads elsewhere; is base_url right?" if status < 400 else "the server refuses the request"
