"""The client of oxbow's API for Python 3.9 and newer: one file, without dependencies.

In: the address of a server and a token. Out: a method for each operation, typed; events; uploads.
A client keeps no connection open, so there is nothing to close, and threads may share it.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import IO, TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Literal, Mapping, Optional, TypedDict, Union

if TYPE_CHECKING:
    from typing_extensions import NotRequired

#: Timeouts without data, seconds: of GET, of other methods, of events (the server sends a heartbeat every 15 s).
READ_S, WRITE_S, SILENCE_S = 20.0, 120.0, 40.0
#: Bytes of one request of an upload.
PIECE_BYTES = 8 * 1024 * 1024
#: Pauses before an upload or the connection of events is tried again, seconds; the last one repeats.
PAUSES_S = (1.0, 2.0, 5.0, 10.0)
#: Longest answer that is read into memory, bytes. Files have no limit.
MAX_ANSWER_BYTES = 256 * 1024 * 1024


class OxbowProblem(Exception):
    """A request that failed. `code` is stable, see docs/reference/errors.md.

    It is `unreachable` if no answer came (status 0), and `unreadable` if the answer is not one of oxbow's.
    """

    def __init__(self, code: str, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(problem.get("detail") or problem.get("title") or code)
        self.code = code
        self.status = status
        #: The problem document, RFC 9457: title, detail, hint and further members.
        self.problem = dict(problem)


def _problem(status: int, body: bytes) -> OxbowProblem:
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if isinstance(problem, dict) and isinstance(problem.get("code"), str):
        return OxbowProblem(problem["code"], status, problem)
    return OxbowProblem("unreadable" if status else "unreachable", status, {})


class File:
    """The body of an answer that is a file. Read it, or copy it with `save`; `with` closes it."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.headers = response.headers

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; empty at the end."""
        return self._response.read(None if size < 0 else size)

    def save(self, path: Union[str, "os.PathLike[str]"]) -> int:
        """Writes the rest into a new file, or over an old one. Returns the number of bytes."""
        written = 0
        with self, open(path, "wb") as file:
            while True:
                piece = self.read(1024 * 1024)
                if not piece:
                    return written
                written += file.write(piece)

    def close(self) -> None:
        self._response.close()

    def __enter__(self) -> File:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows redirects of GET and HEAD on the same server only: the token stays there."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        old, new = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        if (old.scheme, old.netloc) != (new.scheme, new.netloc):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Requests:
    """Sends requests: address, headers, retries after Retry-After, errors as OxbowProblem."""

    def __init__(
        self,
        server: str,
        token: Optional[str] = None,
        *,
        timeout: Optional[float] = None,
        retries: int = 2,
        max_retry_after: float = 30.0,
    ) -> None:
        """`timeout`: seconds without data, for every request. `retries`: of requests that may be sent twice,
        after an answer with Retry-After (429, 503) of at most `max_retry_after` seconds.
        """
        if urllib.parse.urlsplit(server).scheme not in ("http", "https"):
            raise ValueError(f"server ({server!r}) must start with http:// or https://.")
        self._server = server.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._retries = retries
        self._max_retry_after = max_retry_after
        self._opener = urllib.request.build_opener(_Stay)

    def _address(self, path: str, in_path: Mapping[str, Any], query: Mapping[str, Any]) -> str:
        filled = path.format(**{name: urllib.parse.quote(str(value), safe="") for name, value in in_path.items()})
        pairs = [(name, _text(value)) for name, value in query.items() if value is not None]
        return self._server + filled + ("?" + urllib.parse.urlencode(pairs) if pairs else "")

    def _send(
        self, method: str, address: str, headers: Mapping[str, str], body: Any, timeout: float
    ) -> http.client.HTTPResponse:
        """One request. Raises OxbowProblem, with `headers` of the answer, for everything but 2xx."""
        request = urllib.request.Request(address, data=body, method=method)
        request.add_header("Accept", headers.get("Accept", "application/json"))
        request.add_header("Content-Type", headers.get("Content-Type", "application/octet-stream"))
        if body is None:
            request.remove_header("Content-type")
        for name, value in headers.items():
            request.add_header(name, value)
        if self._token is not None:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            return self._opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            with error:
                problem = _problem(error.code, error.read(1024 * 1024))
            problem.headers = error.headers  # type: ignore[attr-defined]
            raise problem from None
        except (OSError, http.client.HTTPException) as error:
            raise _problem(0, b"") from error

    def _call(
        self,
        method: str,
        path: str,
        in_path: Mapping[str, Any],
        query: Mapping[str, Any],
        *,
        body: Any = None,
        content_type: Optional[str] = None,
        is_file: bool = False,
        idempotency_key: Optional[str] = None,
        if_match: Optional[str] = None,
        on_headers: Optional[Callable[[http.client.HTTPMessage], None]] = None,
        timeout: Optional[float] = None,
    ) -> Any:
        headers: Dict[str, str] = {}
        if content_type is not None:
            headers["Content-Type"] = content_type
            length = _length(body)
            if length is not None:
                headers["Content-Length"] = str(length)
        elif body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        if if_match is not None:
            headers["If-Match"] = if_match
        usual = READ_S if method == "GET" else WRITE_S
        seconds = next(value for value in (timeout, self._timeout, usual) if value is not None)
        address = self._address(path, in_path, query)
        may_repeat = (method != "POST" or idempotency_key is not None) and not hasattr(body, "read")
        for tried in range(self._retries + 1):
            try:
                response = self._send(method, address, headers, body, seconds)
                break
            except OxbowProblem as problem:
                wait = _retry_after(problem)
                is_last = not may_repeat or tried == self._retries
                if is_last or wait is None or wait > self._max_retry_after:
                    raise
                time.sleep(wait)
        if on_headers is not None:
            on_headers(response.headers)
        return File(response) if is_file else _read(response)

    def pages(self, operation: Callable[..., Any], *args: Any, most: int = 100_000, **parameters: Any) -> Iterator[Any]:
        """The items of a list with pages, one by one: `client.pages(client.list_streams, limit=100)`.

        Ends after `most` items, or where the server repeats a cursor.
        """
        cursor: Optional[str] = parameters.pop("cursor", None)
        count = 0
        while True:
            page = operation(*args, cursor=cursor, **parameters) if cursor else operation(*args, **parameters)
            for item in page["items"]:
                if count == most:
                    return
                count += 1
                yield item
            following = page.get("nextCursor")
            if following is None or following == cursor:
                return
            cursor = following

    def events(
        self, types: Optional[List[str]] = None, stream: Optional[str] = None, after: Optional[str] = None
    ) -> Iterator[Dict[str, Any]]:
        """Events as they happen, until the loop ends. Reconnects by itself and continues after the last event.

        Each connection begins with `events.ready`, or with `events.reset` if events were lost: then read the state
        again. Raises OxbowProblem if the server refuses for good (4xx).
        """
        failed = 0
        while True:
            query = {"types": ",".join(types) if types else None, "stream": stream, "after": after}
            address = self._address("/api/v1/events", {}, query)
            try:
                with self._send("GET", address, {"Accept": "text/event-stream"}, None, SILENCE_S) as response:
                    for event in _events(response):
                        failed = 0
                        after = event["id"] or after
                        yield event
            except OxbowProblem as problem:
                if 400 <= problem.status < 500 and problem.status not in (408, 429):
                    raise
            _pause(failed)
            failed += 1

    def past_events(
        self,
        since: str,
        limit: Optional[int] = None,
        types: Optional[List[str]] = None,
        stream: Optional[str] = None,
    ) -> Dict[str, Any]:
        """A page of past events, oldest first: `items`, and `next`, which is `since` of the following page.

        `since`: `next` of a page, the id of an event, or a time: RFC 3339, or unix seconds or milliseconds.
        """
        query = {"since": since, "limit": limit, "types": ",".join(types) if types else None, "stream": stream}
        return self._call("GET", "/api/v1/events", {}, query)

    def upload(
        self,
        path: Union[str, "os.PathLike[str]"],
        *,
        on_progress: Optional[Callable[[int, int], None]] = None,
        attempts: int = 10,
        **metadata: str,
    ) -> str:
        """Uploads a video file with tus 1.0.0 and returns the id of its asset. Continues after interruptions.

        `metadata`: title, description, tags, visibility, sha256. `on_progress` gets the bytes that the server has, and
        all bytes. After `attempts` failures without progress the last one is raised.
        """
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            pairs = {"filename": os.path.basename(os.fspath(path)), **metadata}
            encoded = ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in pairs.items())
            start = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": encoded}
            with self._send("POST", f"{self._server}/api/v1/uploads", start, None, WRITE_S) as created:
                address = urllib.parse.urljoin(f"{self._server}/api/v1/uploads", created.headers["Location"])
                asset = created.headers["Oxbow-Asset"]
            # The address of a proxy may not be known to the server: the upload stays at the server that was named.
            address = f"{self._server}/api/v1/uploads/{urllib.parse.urlsplit(address).path.rpartition('/')[2]}"
            self._send_pieces(file, size, address, on_progress, attempts)
            return asset

    def _send_pieces(
        self,
        file: IO[bytes],
        size: int,
        address: str,
        on_progress: Optional[Callable[[int, int], None]],
        attempts: int,
    ) -> None:
        offset, failed, is_known = 0, 0, True
        while offset < size:
            try:
                if not is_known:
                    with self._send("HEAD", address, {"Tus-Resumable": "1.0.0"}, None, READ_S) as state:
                        before, offset, is_known = offset, int(state.headers["Upload-Offset"]), True
                    if offset > before:  # an interrupted piece is progress, too
                        failed = 0
                    continue
                file.seek(offset)
                piece = file.read(PIECE_BYTES)
                if not piece:
                    raise OSError(f"The file has become shorter than {size} bytes.")
                headers = {
                    "Tus-Resumable": "1.0.0",
                    "Upload-Offset": str(offset),
                    "Content-Type": "application/offset+octet-stream",
                }
                with self._send("PATCH", address, headers, piece, WRITE_S) as answer:
                    offset, failed = int(answer.headers["Upload-Offset"]), 0
                if on_progress is not None:
                    on_progress(offset, size)
            except OxbowProblem as problem:
                failed += 1
                may_continue = problem.status in (0, 409, 423, 429) or problem.status >= 500
                if not may_continue or failed >= attempts:
                    raise
                is_known = False
                _pause(failed - 1)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _length(body: Any) -> Optional[int]:
    """Bytes from where the body is read; None if it does not say."""
    if isinstance(body, (bytes, bytearray, memoryview)):
        return len(body)
    try:
        at = body.tell()
        end = body.seek(0, os.SEEK_END)
        body.seek(at)
        return end - at
    except (AttributeError, OSError):
        return None


def _read(response: http.client.HTTPResponse) -> Any:
    with response:
        try:
            body = response.read(MAX_ANSWER_BYTES)
            return json.loads(body) if body else None
        except (OSError, http.client.HTTPException) as error:
            raise _problem(0, b"") from error
        except ValueError as error:
            raise _problem(response.status, b"") from error


def _retry_after(problem: OxbowProblem) -> Optional[float]:
    """Seconds; None if the answer names none. Dates are not supported: oxbow sends seconds."""
    headers = getattr(problem, "headers", None)
    text = headers.get("Retry-After", "") if headers is not None and problem.status in (429, 503) else ""
    return float(text) if text.isdigit() and len(text) <= 6 else None


def _events(response: http.client.HTTPResponse) -> Iterator[Dict[str, Any]]:
    """The events of one connection, HTML Standard 9.2, as far as oxbow uses it. Ends when it is lost."""
    while True:
        try:
            line = response.readline(1024 * 1024)
        except (OSError, http.client.HTTPException):
            return
        if not line:
            return
        if line.startswith(b"data: "):
            try:
                yield json.loads(line[6:])
            except ValueError:
                return


def _pause(failed: int) -> None:
    """Half of each pause is random, so that clients do not come back all at once."""
    time.sleep(PAUSES_S[min(failed, len(PAUSES_S) - 1)] * (0.5 + random.random() / 2))
