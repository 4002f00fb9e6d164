"""Talking to the server: one request and its answer, the session's tokens, and what it means when no answer comes."""

from __future__ import annotations

import gzip
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from infra.device.errors import DeviceError, LoginNeeded, Refused, ServerAway, WrongUse
from infra.device.file import DeviceFile

ANSWER_SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    retry_after: float = 0.0


Transport = Callable[[str, str, dict[str, str], bytes | None], Answer]
"""(method, path, headers, body) → answer. Raises ServerAway where none came."""


class UrlTransport:
    """HTTP to a server by its address."""

    def __init__(self, address: str) -> None:
        """Raises WrongUse for what is no address."""
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise WrongUse(f"{address!r} is no server's address; one is like http://127.0.0.1:8000")
        self.address = address.rstrip("/")

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        """Send a request."""
        request = urllib.request.Request(self.address + path, body, headers, method=method)  # noqa: S310 - checked above
        try:
            try:
                with urllib.request.urlopen(request, timeout=ANSWER_SECONDS_MAX) as response:  # noqa: S310
                    return self._read(response.status, response.headers, response.read())
            except urllib.error.HTTPError as refusal:
                with refusal:
                    return self._read(refusal.code, refusal.headers, refusal.read())
        except (OSError, http.client.HTTPException, EOFError) as error:
            reason = getattr(error, "reason", None) or error
            raise ServerAway(f"the server {self.address} does not answer ({reason})") from error

    @staticmethod
    def _read(status: int, headers: Any, body: bytes) -> Answer:
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        seconds = headers.get("Retry-After", "")
        return Answer(status, body, float(seconds) if seconds.isdecimal() else 0.0)


class Server:
    """The server as one device speaks to it: with its session, which is renewed when it runs out."""

    def __init__(self, file: DeviceFile, transport: Transport) -> None:
        self.file = file
        self.transport = transport

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A request of this device. Raises ServerAway, Refused, LoginNeeded."""
        file = self.file
        said = {"company_id": file.fact("company_id"), "device_id": file.fact("device_id"), **body}
        token = file.fact("token")
        try:
            return ask(self.transport, path, said, token)
        except LoginNeeded:
            self._renew(token)
            return ask(self.transport, path, said, file.fact("token"))

    def _renew(self, token: str) -> None:
        """Exchange the refresh token. It works once: nobody else may use this file meanwhile, or he would use it too."""
        with self.file.transaction():
            if self.file.fact("token") == token:
                answer = ask(self.transport, "/api/auth/refresh", {"refresh_token": self.file.fact("refresh_token")})
                self.file.note(token=answer["token"], refresh_token=answer["refresh_token"])


def ask(transport: Transport, path: str, body: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    """One POST and its JSON object. Raises ServerAway, Refused, LoginNeeded."""
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "gzip"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    answer = transport("POST", path, headers, json.dumps(body).encode())
    try:
        said = json.loads(answer.body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise ServerAway(f"what answers there is no server of this app (HTTP {answer.status} to {path})")
    if 200 <= answer.status < 300:
        return said
    raise refusal(answer, said)


def refusal(answer: Answer, said: dict[str, Any]) -> DeviceError:
    """The error that an answer means."""
    message = str(said.get("reason") or said.get("message") or "no reason was given")
    if answer.status == 429 or answer.status >= 500:
        return ServerAway(f"the server asks to come again later: {message}", answer.retry_after or 1.0)
    if answer.status == 401:
        return LoginNeeded(f"{message} Log in again with `daftar device login`; nothing here is lost.", 401)
    return Refused(f"the server refuses: {message}", answer.status)
