"""Reading requests, for every dialect: bodies, query strings and headers, each refused with the place where it is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException

from api.compression import CODINGS, unpack
from api.http_errors import BodyTooLarge, HttpRequest, MediaTypeUnsupported
from domain.decision import NUL, nul_in
from domain.errors import InvalidField, MalformedRequest
from domain.validation import invalid_field, may_hold_unusual_amounts, require_plain_amounts
from infra.composition import Services
from infra.requests import MOST_NESTED, depth_of

Read = TypeVar("Read")

MOST_PARAMETERS = 100


def services_of(request: Request[Any, Any, Any]) -> Services:
    """The parts of this process."""
    services: Services = request.app.state.services
    return services


async def read_body(request: HttpRequest, *, compressed: bool = False, also: Sequence[str] = ()) -> bytes:
    """The body, which has to be JSON by its content type. Raises MediaTypeUnsupported, and a 413 where it is too large.

    `compressed`: it may come as gzip or zstd; the limit of its size is that of what it unpacks to. `also`: other media types of it.
    """
    body = await read_file(request, CODINGS if compressed else ())
    media_type = media_type_of(request)
    if body and media_type not in ("", "application/json", *also) and not media_type.endswith("+json"):
        raise MediaTypeUnsupported(f"The body must be application/json, not {media_type}.")
    coding = coding_of(request)
    return unpack(body, coding, services_of(request).settings.max_body_bytes) if coding in CODINGS else body


def may_have_body(request: HttpRequest) -> bool:
    """Whether a body may come with the request; under HTTP/1, it says so."""
    headers = request.headers
    is_said = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    return is_said or not request.scope["http_version"].startswith("1")


def media_type_of(request: HttpRequest) -> str:
    """The media type of the body, without its parameters; empty where the request does not say."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def coding_of(request: HttpRequest) -> str:
    """How the body is packed; empty where it is not."""
    return request.headers.get("content-encoding", "").strip().lower()


async def read_file(request: HttpRequest, codings: Sequence[str] = ()) -> bytes:
    """The body, whatever its media type. Raises MediaTypeUnsupported for other codings, and a 413 where it is too large."""
    coding = coding_of(request)
    if coding not in ("", "identity", *codings):
        raise MediaTypeUnsupported(f"The body must come as it is, not with the Content-Encoding {coding}.")
    try:
        if request.route_handler.resolve_request_max_body_size() is None:
            return await _bounded(request)
        return await request.body()
    except InternalServerException:  # all that reading a body raises it for
        raise MalformedRequest("The connection ended before the request's body did.") from None


async def _bounded(request: HttpRequest) -> bytes:
    """The body of a request to a route that takes files too, as no larger than other bodies. Raises BodyTooLarge."""
    most = services_of(request).settings.max_body_bytes
    if (request.content_length or 0) > most:
        raise BodyTooLarge
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise BodyTooLarge
    return bytes(body)


def decode(body: bytes, decoder: msgspec.json.Decoder[Read], *, may_hold_nul: bool = False) -> Read:
    """The body as what the decoder makes of it. Raises MalformedRequest, InvalidField.

    `may_hold_nul`: whoever asks looks for NUL in the texts that it keeps.
    """
    try:
        found = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise invalid_field(error, expected=decoder.type, given=body) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedRequest(f"The body is not valid JSON in UTF-8: {error}.") from None
    except RecursionError:
        raise MalformedRequest("The body is nested too deeply.") from None
    if not may_hold_nul and NUL in body and (place := nul_in(msgspec.json.decode(body), "")) is not None:
        raise InvalidField("A text must not hold the NUL character.", path=place)
    if may_hold_unusual_amounts(body):
        require_plain_amounts(found, msgspec.json.decode(body))
    return found


def check_depth(value: Any, path: str) -> None:
    """Raise InvalidField where free-form JSON is nested too deeply to be kept and read back by everybody."""
    if depth_of(value) > MOST_NESTED:
        raise InvalidField(f"At most {MOST_NESTED} levels of nesting are kept.", path=path)


def query_pairs(request: HttpRequest) -> list[tuple[str, str]]:
    """The query's names and values, in order. Raises MalformedRequest, InvalidField."""
    text = request.scope["query_string"]
    if not text:
        return []
    try:
        pairs = _pairs(text.decode("ascii"))
    except UnicodeError:
        raise MalformedRequest("The query is not valid UTF-8, percent-encoded.") from None
    except ValueError:
        raise InvalidField(f"A query has at most {MOST_PARAMETERS} parameters.") from None
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise InvalidField("A parameter must not hold the NUL character.", path=name.replace("\x00", "?"))
    return pairs


def _pairs(text: str) -> list[tuple[str, str]]:
    """Names and values as `parse_qsl` reads them. Raises UnicodeError, ValueError."""
    if "%" in text or "+" in text:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    parts = text.split("&")
    if len(parts) > MOST_PARAMETERS:
        raise ValueError
    split = [part.partition("=") for part in parts if part]
    return [(name, value) for name, _, value in split]


def read_query(request: HttpRequest, form: type[Read]) -> Read:
    """The query as a Struct: unknown names, repeated names and values of the wrong form are refused. Raises InvalidField."""
    pairs = query_pairs(request)
    return convert_query(pairs, form)


def convert_query(pairs: Sequence[tuple[str, str]], form: type[Read]) -> Read:
    """Parameters as a Struct. Raises InvalidField, naming a parameter that was given more than once."""
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise InvalidField("The parameter was given more than once.", path=name)
        values[name] = value
    try:
        return msgspec.convert(values, form, strict=False)
    except msgspec.ValidationError as error:
        raise invalid_field(error, expected=form, given=values) from None


def accepts(request: HttpRequest, media_type: str) -> bool:
    """Whether the request names this media type in Accept."""
    return media_type in request.headers.get("accept", "")
