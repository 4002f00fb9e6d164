"""Mail: one message at a time through the SMTP server that the settings name.

Sent with the standard library in threads of their own (`Threads.run_outside`): messages are few and small, and another library
would bring nothing. Nothing is queued: a queue would have to keep codes in the clear, and whoever waits for one can ask again.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from urllib.parse import unquote, urlsplit

import structlog

from domain.errors import MessageNotSent
from infra.settings import Settings

PATIENCE_SECONDS = 6.0
"""How long each step may take; people wait for the answer."""
DEFAULT_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}

log = structlog.get_logger("daftar.mail")


@dataclass(frozen=True, slots=True, repr=False)
class Mail:
    """A mail server. `security`: the URL's scheme. An empty host: there is none."""

    security: str
    host: str
    port: int
    user: str
    password: str
    sender: str
    tls: ssl.SSLContext | None = None

    @property
    def configured(self) -> bool:
        """Whether mail can be sent at all."""
        return bool(self.host)

    def send(self, recipient: str, subject: str, text: str) -> None:
        """Send a message; returns when the server has taken it. Raises MessageNotSent."""
        if not self.configured:
            raise MessageNotSent("This server sends no mail: its operator has not named a mail server (DAFTAR_SMTP_URL).")
        try:
            message = self._message(recipient, subject, text)
            with self._connect() as server:
                server.send_message(message, to_addrs=[recipient])
        except (OSError, smtplib.SMTPException, MessageError, ValueError, IndexError) as error:
            # Neither the message, which holds a code, nor what the server says of the address is logged
            code = getattr(error, "smtp_code", None)
            log.warning("mail was not sent", server=self.host, error=type(error).__name__, smtp_code=code)
            raise MessageNotSent("The mail could not be sent; try again in a moment.") from None
        log.info("mail was sent", server=self.host, subject=subject)

    def _message(self, recipient: str, subject: str, text: str) -> EmailMessage:
        message = EmailMessage()
        name, address = parseaddr(self.sender)
        message["From"] = Address(display_name=name, addr_spec=address)
        message["To"] = Address(addr_spec=recipient)  # one address, whatever it looks like. Raises ValueError and others
        message["Subject"] = subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=address.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        return message

    def _connect(self) -> smtplib.SMTP:
        context = self.tls or ssl.create_default_context()
        if self.security == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=PATIENCE_SECONDS, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=PATIENCE_SECONDS)
        try:
            if self.security == "smtp+starttls":
                server.starttls(context=context)
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server


def mail_of(settings: Settings) -> Mail:
    """The mail server that the settings name."""
    url = urlsplit(settings.smtp_url)
    port = url.port or DEFAULT_PORTS.get(url.scheme, 0)
    user, password = unquote(url.username or ""), unquote(url.password or "")
    return Mail(url.scheme, url.hostname or "", port, user, password, settings.mail_from)
