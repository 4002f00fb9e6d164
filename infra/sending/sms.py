"""SMS: one short message at a time through the HTTP gateway that the settings name."""

from __future__ import annotations

import http.client
import ssl
from base64 import b64encode
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

import msgspec
import structlog

from domain.errors import MessageNotSent
from infra.settings import Settings

PATIENCE_SECONDS = 6.0
MOST_BYTES = 65_536
"""Of a gateway's answer; what it says is not read further."""

log = structlog.get_logger("daftar.sms")


@dataclass(frozen=True, slots=True, repr=False)
class Sms:
    """An SMS gateway. `url` may hold {to} and {text}; an empty one: there is none."""

    url: str
    token: str

    @property
    def configured(self) -> bool:
        """Whether an SMS can be sent at all."""
        return bool(self.url)

    def send(self, number: str, text: str) -> None:
        """Send a message; returns when the gateway has taken it. Raises MessageNotSent."""
        if not self.configured:
            raise MessageNotSent("This server sends no SMS: its operator has not named a gateway (DAFTAR_SMS_URL).")
        host = urlsplit(self.url).hostname
        try:
            status = self._ask(number, text)
        except (OSError, http.client.HTTPException, ValueError) as error:
            log.warning("SMS was not sent", gateway=host, error=type(error).__name__)  # the message holds a code
            raise MessageNotSent("The SMS could not be sent; try again in a moment.") from None
        if not 200 <= status < 300:  # a redirection too: a code goes where the operator said, and nowhere else
            log.warning("SMS was refused", gateway=host, status=status)
            raise MessageNotSent("The SMS could not be sent; try again in a moment.")
        log.info("SMS was sent", gateway=host)

    def _ask(self, number: str, text: str) -> int:
        filled = "{to}" in self.url or "{text}" in self.url
        url = urlsplit(self.url.replace("{to}", quote(number, safe="")).replace("{text}", quote(text, safe="")))
        headers = {"Accept": "application/json", "User-Agent": "daftar"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        elif url.username:
            named = f"{unquote(url.username)}:{unquote(url.password or '')}"
            headers["Authorization"] = "Basic " + b64encode(named.encode()).decode()
        body = None
        if not filled:
            body = msgspec.json.encode({"to": number, "text": text})
            headers["Content-Type"] = "application/json"
        address = url.hostname or ""
        if url.scheme == "https":
            context = ssl.create_default_context()
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                address, url.port, timeout=PATIENCE_SECONDS, context=context
            )
        else:
            connection = http.client.HTTPConnection(address, url.port, timeout=PATIENCE_SECONDS)
        try:
            path = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request("GET" if filled else "POST", path, body, headers)
            response = connection.getresponse()
            response.read(MOST_BYTES)
            return response.status
        finally:
            connection.close()


def sms_of(settings: Settings) -> Sms:
    """The gateway that the settings name."""
    return Sms(settings.sms_url, settings.sms_token)
