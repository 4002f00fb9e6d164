"""Every bad input gets its own clear refusal, and nothing is stored. One line per case, ending in what is expected."""

# ruff: noqa: E501 - one case, one line

from __future__ import annotations

import gzip
from typing import Any
from uuid import UUID

import msgspec
import pytest

from api.native.errors import STATUS
from domain import errors
from infra.composition import Services

from .conftest import Company, register

JSON_TYPE = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def company(services: Services, client: Any) -> Company:
    """One company for all: whatever is refused leaves it as it was."""
    return register(services, client)


NOBODY = str(UUID(int=7 << 76 | 2 << 62))


def batch(command: str) -> bytes:
    return f'{{"commands":[{command}]}}'.encode()


def party(data: str) -> bytes:
    return batch(f'{{"type":"party.create","data":{data}}}')


DEEP = "[" * 5_000 + "]" * 5_000
NESTED = '{"a":' * 40 + "1" + "}" * 40
LONG = "x" * 21_000

BODIES: list[tuple[str, bytes, int, str, str]] = [
    # what, body of POST /commands, status, code, path
    ("empty", b"", 400, "malformed_request", ""),
    ("not JSON", b"{", 400, "malformed_request", ""),
    ("trailing characters", party('{"name":"X"}') + b"x", 400, "malformed_request", ""),
    ("invalid UTF-8", party('{"name":"').replace(b'"}]}', b'\xff"}}]}'), 400, "malformed_request", ""),
    ("a byte order mark", b"\xef\xbb\xbf" + party('{"name":"X"}'), 400, "malformed_request", ""),
    ("a raw NUL", party('{"name":"a\x00b"}'), 400, "malformed_request", ""),
    ("an escaped NUL", party('{"name":"a\\u0000b"}'), 422, "invalid_field", "commands[0].data.name"),
    ("NUL in a client id", batch('{"type":"party.create","client_id":"\\u0000","data":{"name":"X"}}'), 422, "invalid_field", "commands[0].client_id"),
    ("NUL in a key", batch('{"type":"party.create","key":"\\u0000","data":{"name":"X"}}'), 422, "invalid_field", "commands[0].key"),
    ("NUL in free fields", party('{"name":"X","extra":{"a":["\\u0000"]}}'), 422, "invalid_field", "commands[0].data.extra.a[0]"),
    ("a lone surrogate", party('{"name":"\\ud800 and more"}'), 400, "malformed_request", ""),
    ("NaN", party('{"name":"X","credit_limit":NaN}'), 400, "malformed_request", ""),
    ("Infinity", party('{"name":"X","credit_limit":Infinity}'), 400, "malformed_request", ""),
    ("NaN as a text", party('{"name":"X","credit_limit":"NaN"}'), 422, "invalid_field", "commands[0].data.credit_limit"),
    ("a huge number", party('{"name":"X","credit_limit":1e400}'), 422, "invalid_field", "commands[0].data.credit_limit"),
    ("a huge free number", party('{"name":"X","extra":{"a":1e999}}'), 422, "invalid_field", "commands[0].data.extra[...]"),
    ("nested too deeply", party(f'{{"name":"X","extra":{DEEP}}}'), 422, "invalid_field", "commands[0].data.extra"),
    ("nested too deeply in free fields", party(f'{{"name":"X","extra":{{"a":{DEEP}}}}}'), 400, "malformed_request", ""),
    ("nested deeply", party(f'{{"name":"X","extra":{NESTED}}}'), 422, "invalid_field", "commands[0].data.extra"),
    ("not an object", b"[]", 422, "invalid_field", ""),
    ("null", b"null", 422, "invalid_field", ""),
    ("no commands", b"{}", 422, "invalid_field", "commands"),
    ("an empty batch", b'{"commands":[]}', 422, "invalid_field", "commands"),
    ("an unknown member", party('{"name":"X"}')[:-1] + b',"comands":1}', 422, "invalid_field", "comands"),
    ("a command that is none", batch("5"), 422, "invalid_field", "commands[0]"),
    ("no type", batch('{"data":{}}'), 422, "invalid_field", "commands[0].type"),
    ("a type that is no text", batch('{"type":5}'), 422, "invalid_field", "commands[0].type"),
    ("an unknown kind", batch('{"type":"unicorn.create","data":{}}'), 404, "unknown_kind", "commands[0].type"),
    ("an unknown action", batch('{"type":"party.explode"}'), 404, "unknown_kind", "commands[0].type"),
    ("what is not done by commands", batch('{"type":"session.create","data":{}}'), 404, "unknown_kind", "commands[0].type"),
    ("an unknown field", party('{"name":"X","nme":1}'), 422, "invalid_field", "commands[0].data.nme"),
    ("a missing field", party("{}"), 422, "invalid_field", "commands[0].data.name"),
    ("the wrong type", party('{"name":5}'), 422, "invalid_field", "commands[0].data.name"),
    ("a text too long", party(f'{{"name":"{LONG}"}}'), 422, "invalid_field", "commands[0].data.name"),
    ("an empty name", party('{"name":""}'), 422, "invalid_field", "commands[0].data.name"),
    ("an e-mail that is none", batch('{"type":"user.create","data":{"name":"X","email":"no"}}'), 422, "invalid_field", "commands[0].data.email"),
    ("an id that is none", batch('{"type":"party.delete","id":"x"}'), 422, "invalid_field", "commands[0].id"),
    ("a negative number", batch('{"type":"party.delete","number":-1}'), 422, "invalid_field", "commands[0].number"),
    ("a number too large", batch('{"type":"party.delete","number":99999999999999999999}'), 422, "invalid_field", "commands[0].number"),
    ("a negative version", batch('{"type":"party.update","number":1,"base_seq":-1}'), 422, "invalid_field", "commands[0].base_seq"),
    ("no name of the record", batch('{"type":"party.delete"}'), 422, "invalid_field", "commands[0].id"),
    ("a time before all time", batch('{"type":"party.create","occurred_at":"0001-01-01T00:00:00+14:00","data":{"name":"X"}}'), 422, "invalid_field", "commands[0].occurred_at"),
    ("a time that is none", batch('{"type":"party.create","occurred_at":"soon","data":{"name":"X"}}'), 422, "invalid_field", "commands[0].occurred_at"),
    ("an empty key", batch('{"type":"party.create","key":"","data":{"name":"X"}}'), 422, "invalid_field", "commands[0].key"),
    ("a missing record", batch('{"type":"party.delete","number":77}'), 404, "record_not_found", "commands[0].id"),
    ("a missing record by id", batch(f'{{"type":"party.delete","id":"{NOBODY}"}}'), 404, "record_not_found", "commands[0].id"),
    ("a missing party", batch(f'{{"type":"invoice.create","data":{{"type":"sales","party_id":"{NOBODY}"}}}}'), 422, "reference_missing", "commands[0].data.party_id"),
    ("a short password", batch('{"type":"user.create","data":{"name":"U","password":"short"}}'), 422, "invalid_field", "commands[0].data.password"),
    ("no such currency", batch('{"type":"payment.create","data":{"amount":1,"currency":"XYZ"}}'), 422, "unknown_currency", "commands[0].data.currency"),
    ("an amount below zero", batch('{"type":"payment.create","data":{"amount":-1}}'), 422, "amount_not_positive", "commands[0].data.amount"),
    ("an unbalanced entry", batch('{"type":"journal_entry.create","data":{"post_now":true,"lines":[{"account_code":"1000","debit":1},{"account_code":"3000","credit":2}]}}'), 422, "entry_unbalanced", "commands[0].data.lines"),
    ("an entry unbalanced in one currency", batch('{"type":"journal_entry.create","data":{"post_now":true,"lines":[{"account_code":"1000","debit":1},{"account_code":"3000","credit":1,"currency":"EUR"}]}}'), 422, "entry_unbalanced", "commands[0].data.lines"),
    ("a line of an unknown account", batch('{"type":"journal_entry.create","data":{"post_now":true,"lines":[{"account_code":"1000","debit":1},{"account_code":"7000","credit":1}]}}'), 422, "account_unknown", "commands[0].data.lines[1].account_code"),
    ("a draft's line of an unknown account", batch('{"type":"journal_entry.create","data":{"lines":[{"account_code":"7000:rent","credit":1}]}}'), 422, "account_unknown", "commands[0].data.lines[0].account_code"),
    ("a line with too many decimals", batch('{"type":"journal_entry.create","data":{"post_now":true,"lines":[{"account_code":"1000","debit":1},{"account_code":"3000","credit":"1.001"}]}}'), 422, "too_many_decimals", "commands[0].data.lines[1].credit"),
    ("a line with decimals of yen", batch('{"type":"journal_entry.create","data":{"post_now":true,"lines":[{"account_code":"1000","debit":0.5,"currency":"JPY"}]}}'), 422, "too_many_decimals", "commands[0].data.lines[0].debit"),
    ("a line of no such currency", batch('{"type":"journal_entry.create","data":{"post_now":true,"lines":[{"account_code":"1000","debit":1,"currency":"QQQ"}]}}'), 422, "unknown_currency", "commands[0].data.lines[0].currency"),
    ("a line of no such date", batch('{"type":"journal_entry.create","data":{"date":"2026-02-30","lines":[{"account_code":"1000","debit":1}]}}'), 422, "invalid_field", "commands[0].data.date"),
    ("a part of an account of another type", batch('{"type":"account.create","data":{"code":"6000:rent","name":"Rent","type":"asset"}}'), 422, "invalid_field", "commands[0].data.type"),
    ("a part of an unknown account", batch('{"type":"account.create","data":{"code":"7000:rent","name":"Rent","type":"expense"}}'), 422, "account_unknown", "commands[0].data.code"),
    ("a code of the default chart", batch('{"type":"account.create","data":{"code":"1000","name":"Cash","type":"asset"}}'), 409, "value_taken", "commands[0].data.code"),
    ("an account that calls itself the ledger's", batch('{"type":"account.create","data":{"code":"7","name":"X","type":"asset","is_system":true}}'), 422, "invalid_field", "commands[0].data.is_system"),
    ("closing an account of the default chart", batch('{"type":"account.delete","number":1}'), 409, "system_account", "commands[0].id"),
    ("suspending an account of the default chart", batch('{"type":"account.update","number":1,"data":{"is_active":false}}'), 409, "system_account", "commands[0].data.is_active"),
    ("another type of an account", batch('{"type":"account.update","number":1,"data":{"type":"expense"}}'), 422, "field_fixed", "commands[0].data.type"),
    ("closing the books of the future", batch('{"type":"company.close_books","number":1,"data":{"through":"9999-01-01"}}'), 422, "invalid_field", "commands[0].data.through"),
    ("closing the books on no such date", batch('{"type":"company.close_books","number":1,"data":{"through":"2026-02-30"}}'), 422, "invalid_field", "commands[0].data.through"),
    ("reopening books that are open", batch('{"type":"company.reopen_books","number":1,"data":{"through":null}}'), 422, "invalid_field", "commands[0].data.through"),
    ("a closed period set by hand", batch('{"type":"company.update","number":1,"data":{"closed_through":"2026-01-01"}}'), 422, "invalid_field", "commands[0].data.closed_through"),
    ("an invoice of no such date", batch('{"type":"invoice.create","data":{"type":"sales","issue_date":"2026-13-01"}}'), 422, "invalid_field", "commands[0].data.issue_date"),
    ("a payment with too many decimals", batch('{"type":"payment.create","data":{"amount":"1.001"}}'), 422, "too_many_decimals", "commands[0].data.amount"),
    ("an amount with an underscore", batch('{"type":"payment.create","data":{"amount":"1_000"}}'), 422, "invalid_field", "commands[0].data.amount"),
    ("an amount between spaces", batch('{"type":"payment.create","data":{"amount":" 5 "}}'), 422, "invalid_field", "commands[0].data.amount"),
    ("an amount in other digits", batch('{"type":"payment.create","data":{"amount":"\u0661\u0662"}}'), 422, "invalid_field", "commands[0].data.amount"),
    ("an amount with an escaped underscore", batch('{"type":"payment.create","data":{"amount":"1\\u005f0"}}'), 422, "invalid_field", "commands[0].data.amount"),
    ("an amount with a line break", batch('{"type":"payment.create","data":{"amount":"5\\n"}}'), 422, "invalid_field", "commands[0].data.amount"),
    ("a line's price with an underscore", batch('{"type":"invoice.create","data":{"type":"sales","lines":[{"unit_price":1},{"unit_price":"1_0"}]}}'), 422, "invalid_field", "commands[0].data.lines[1].unit_price"),
    ("an entry without lines", batch('{"type":"journal_entry.create","data":{"post_now":true,"lines":[]}}'), 422, "entry_unbalanced", "commands[0].data.lines"),
    ("nested deeply in a line", batch(f'{{"type":"journal_entry.create","data":{{"lines":[{{"account_code":"1","extra":{NESTED}}}]}}}}'), 422, "invalid_field", "commands[0].data.lines[0].extra"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "code", "path"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])
def test_commands_that_are_refused(company: Company, body: bytes, status: int, code: str, path: str) -> None:
    before = company.head()
    answer = company.call("POST", "/commands", content=body, headers=JSON_TYPE)
    problem = answer.json()
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert (answer.status_code, problem["status"]) == (status, status), problem
    assert not code or (problem["code"], problem.get("path", "")) == (code, path), problem
    assert problem["type"] == f"urn:daftar:error:{problem['code']}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    assert company.head() == before


@pytest.mark.parametrize(
    ("command", "path", "allowed"),
    [
        ('{"type":"account.create","data":{"code":"7","name":"X","type":"money"}}', "type", "'asset', 'equity', 'expense'"),
        ('{"type":"company.update","number":1,"data":{"late_facts":"drop"}}', "late_facts", "'move', 'refuse'"),
        ('{"type":"party.create","data":{"name":"X","roles":["customer","friend"]}}', "roles[1]", "'customer'"),
    ],
)
def test_a_refused_choice_says_what_there_is_to_choose(company: Company, command: str, path: str, allowed: str) -> None:
    problem = company.call("POST", "/commands", content=batch(command), headers=JSON_TYPE).json()
    assert (problem["code"], problem["path"]) == ("invalid_field", f"commands[0].data.{path}"), problem
    assert allowed in problem["detail"], problem["detail"]


def test_amounts_are_read_as_they_are_usually_written(company: Company) -> None:
    written = ["5", "5.", ".5", "+5", "05.00", "5e1", "1.5E+1", 5, 5.25]
    answer = company.execute(*({"type": "payment.create", "data": {"amount": one, "notes": " 1_000 "}} for one in written))
    assert answer.status_code == 200, answer.text


REQUESTS: list[tuple[str, str, int, str, str]] = [
    # method, path, status, code, path in the problem
    ("GET", "/records?after=-1", 400, "cursor_invalid", "after"),
    ("GET", "/records?after=x", 400, "cursor_invalid", "after"),
    ("GET", "/records?after=1.5", 400, "cursor_invalid", "after"),
    ("GET", "/records?after=", 400, "cursor_invalid", "after"),
    ("GET", "/records?after=99999999999999999999999", 400, "cursor_invalid", "after"),
    ("GET", "/events?after=-1", 400, "cursor_invalid", "after"),
    ("GET", "/events/stream?after=-1", 400, "cursor_invalid", "after"),
    ("GET", "/records/party?after=-1", 400, "cursor_invalid", "after"),
    ("GET", "/records/party/1/history?after=-1", 400, "cursor_invalid", "after"),
    ("GET", "/records?after=1000000", 409, "cursor_ahead", "after"),
    ("GET", "/events?after=1000000", 409, "cursor_ahead", "after"),
    ("GET", "/events/stream?after=1000000", 409, "cursor_ahead", "after"),
    ("GET", "/records/party?after=1000000", 409, "cursor_ahead", "after"),
    ("GET", "/records?after=0&after=1", 400, "cursor_invalid", "after"),
    ("GET", "/records?limit=1&limit=2", 422, "invalid_field", "limit"),
    ("GET", "/head?surprise=1", 422, "invalid_field", "surprise"),
    ("GET", "/records?limit=-1", 422, "invalid_field", "limit"),
    ("GET", "/records?limit=10001", 422, "invalid_field", "limit"),
    ("GET", "/records?wait=61", 422, "invalid_field", "wait"),
    ("GET", "/records?wait=nan", 422, "invalid_field", "wait"),
    ("GET", "/records?surprise=1", 422, "invalid_field", "surprise"),
    ("GET", "/records?kinds=", 422, "invalid_field", "kinds"),
    ("GET", "/records?kinds=unicorn", 404, "unknown_kind", "kind"),
    ("GET", "/records?kinds=party%00", 422, "invalid_field", "kinds"),
    ("GET", "/records?kinds=%ff", 400, "malformed_request", ""),
    ("GET", "/records/unicorn", 404, "unknown_kind", "kind"),
    ("GET", "/records/unicorn/1", 404, "unknown_kind", "kind"),
    ("GET", "/records/party?after=0&kinds=party", 422, "invalid_field", "kinds"),
    ("GET", "/records/party?color=red", 422, "invalid_field", "color"),
    ("GET", "/records/party?name=%00", 422, "invalid_field", "name"),
    ("GET", "/records/party?sort=color", 422, "invalid_field", "color"),
    ("GET", "/records/party?order=up", 422, "invalid_field", "order"),
    ("GET", "/records/party?page=0", 422, "invalid_field", "page"),
    ("GET", "/records/party?page_size=1001", 422, "invalid_field", "page_size"),
    ("GET", "/records/party?page=99999999999", 422, "invalid_field", "page"),
    ("GET", "/records/party/1", 404, "record_not_found", "ref"),
    ("GET", "/records/party/x", 404, "record_not_found", "ref"),
    ("GET", "/records/party/99999999999999999999", 404, "record_not_found", "ref"),
    ("GET", "/records/party/%00", 404, "record_not_found", "ref"),
    ("GET", f"/records/party/{NOBODY}", 404, "record_not_found", "ref"),
    ("GET", "/records/party/1/history", 404, "record_not_found", "ref"),
    ("GET", "/records/company/1?at_seq=1000000", 409, "cursor_ahead", "at_seq"),
    ("GET", "/records/company/1?at_seq=1&at=2026-01-01T00:00:00Z", 422, "invalid_field", "at"),
    ("GET", "/records/company/1?at=yesterday", 422, "invalid_field", "at"),
    ("GET", "/verify?until=-1", 422, "invalid_field", "until"),
    ("GET", "/nowhere", 404, "route_not_found", ""),
    ("PUT", "/head", 405, "method_not_allowed", ""),
    ("DELETE", "/records/party/1", 404, "record_not_found", "id"),
    ("POST", "/records/unicorn", 404, "unknown_kind", "kind"),
    ("POST", "/records/party", 422, "invalid_field", "data"),
    ("POST", "/records/company", 404, "unknown_kind", "kind"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "status", "code", "where"), REQUESTS, ids=[f"{c[0]} {c[1]}" for c in REQUESTS])
def test_requests_that_are_refused(company: Company, method: str, path: str, status: int, code: str, where: str) -> None:
    before = company.head()
    answer = company.call(method, path)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem.get("path", "")) == (status, code, where), problem
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert company.head() == before


def test_a_body_that_is_too_large(company: Company) -> None:
    before = company.head()
    answer = company.call("POST", "/commands", content=b" " * 2_000_001, headers=JSON_TYPE)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")

    def pieces() -> Any:
        for _ in range(3):
            yield b" " * 1_000_000

    answer = company.call("POST", "/commands", content=pieces(), headers=JSON_TYPE)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert company.head() == before


def test_a_body_of_another_type(company: Company) -> None:
    answer = company.call("POST", "/commands", data={"commands": "[]"})
    assert (answer.status_code, answer.json()["code"]) == (415, "media_type_unsupported")


def test_a_compressed_body(company: Company) -> None:
    headers = {**JSON_TYPE, "Content-Encoding": "gzip"}
    answer = company.call("POST", "/commands", content=gzip.compress(b'{"commands":[]}'), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "media_type_unsupported")
    assert "gzip" in answer.json()["detail"]


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_idempotency_keys_of_the_wrong_length(company: Company, key: str) -> None:
    answer = company.execute({"type": "party.create", "data": {"name": "X"}}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["path"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize("seq", ["x", "-1", "1.5", "9" * 30, "\uff11"])
def test_a_last_event_id_that_is_none(company: Company, seq: str) -> None:
    answer = company.get("/events/stream", headers={"Last-Event-ID": seq.encode()})
    assert (answer.status_code, answer.json()["path"]) == (400, "Last-Event-ID")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"company": 1},
        {"company": "x\x00", "email": "a", "password": "b"},
        {"company": "x" * 300, "email": "a", "password": "b"},
    ],
)
def test_log_ins_of_the_wrong_form(company: Company, form: dict[str, Any]) -> None:
    answer = company.client.post("/ledger/v1/login", content=msgspec.json.encode(form), headers=JSON_TYPE)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")


def test_every_error_has_a_status_and_a_code_of_its_own() -> None:
    known = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.LedgerError)]
    codes = [one.code for one in {*known, *STATUS}]
    assert len(codes) == len(set(codes))
    assert all(400 <= status < 600 for status in STATUS.values())
