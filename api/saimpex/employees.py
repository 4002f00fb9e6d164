"""Employees: the company's users, with a password or without."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar.response.base import ASGIResponse
from msgspec import Meta

from api.bearer import claims_of
from api.endpoint import Answer, Operation, endpoint
from api.http_errors import HttpRequest
from api.reading_requests import query_pairs, services_of
from api.roles import check_may_manage
from api.saimpex import tags, values
from api.saimpex.access import managers, member_of
from api.saimpex.customers import MOST_PER_PAGE, pagination
from api.saimpex.deltas import said
from api.saimpex.envelope import Envelope
from api.saimpex.forms import Form, field, ref
from api.saimpex.rows import times
from api.saimpex.staff import find_employee
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Made, Plan, writes
from domain.errors import InvalidField
from domain.record import Record
from infra.composition import Services
from infra.identity.tokens import Claims
from infra.ids import new_id
from infra.listing import Condition, Source, list_from

FEWEST_CHARACTERS = 8
ROLES = {
    "staff": "staff",
    "cashier": "staff",
    "employee": "staff",
    "accountant": "accountant",
    "manager": "tenantAdmin",
    "owner": "owner",
    "viewer": "viewer",
    "user": "user",
}


def _password(value: Any, path: str) -> str:
    if not isinstance(value, str) or not FEWEST_CHARACTERS <= len(value) <= 256:
        raise InvalidField(f"The password must have at least {FEWEST_CHARACTERS} characters.", path=path)
    return value


_COMMON = (
    field("email", values.text(254)),
    field("username", values.text()),
    field("phone", values.text(), also=("mobile",)),
    field("role", values.choice(ROLES), also=("role_name", "designation")),
    field("employee_code", values.text(), "code", also=("code",)),
    field("is_active", values.flag, type_=bool, also=("status",)),
)
NEW = Form("NewEmployee", field("name", values.name, required=True), *_COMMON, field("password", _password))
CHANGED = Form(
    "ChangedEmployee", ref("employee_id", "id", required=True, also=("id", "user_id")), field("name", values.name), *_COMMON
)
NAMED = Form("NamedEmployee", ref("employee_id", "id", required=True, also=("id", "user_id")))
EXAMPLE: Row = {"id": 5, "name": "Mariem", "email": "mariem@example.com", "role": "staff", "status": 1}


@writes(
    "hrm/addEmployee",
    id="saimpexAddEmployee",
    tag=tags.HRM,
    summary="Employ somebody; with a password they can log in",
    form=NEW,
    body_example={"name": "Mariem", "email": "mariem@example.com", "role": "cashier"},
    answer=Row,
    example={"employee": EXAMPLE, **EXAMPLE},
    gate=managers,
    created=201,
    message="Employee added successfully",
    slow=True,
)
def add_employee(asked: Asked) -> Plan:
    """A user of the company."""
    data = dict(asked.values)
    data["role"] = data.get("role") or "staff"
    check_may_manage(asked.till.principal.role, "data.role", data["role"])
    password, user_id = data.pop("password", None), new_id()
    credentials = [asked.till.services.passwords.credential(user_id, password)] if password else []
    return Plan([asked.create("user", data, user_id)], _say, credentials)


@writes(
    "hrm/updateEmployee",
    id="saimpexUpdateEmployee",
    tag=tags.HRM,
    summary="Change an employee",
    form=CHANGED,
    body_example={"employee_id": 5, "phone": "+22245250002"},
    answer=Row,
    example={"employee": EXAMPLE, **EXAMPLE},
    gate=managers,
    message="Employee updated successfully",
)
def update_employee(asked: Asked) -> Plan:
    """The fields that were sent."""
    data = dict(asked.values)
    employee = _managed(asked, data.pop("id"))
    if data.get("role"):
        check_may_manage(asked.till.principal.role, "data.role", data["role"])
    return Plan([asked.command("user", "update", data, employee.id)], _say)


@writes(
    "hrm/deleteEmployee",
    id="saimpexDeleteEmployee",
    tag=tags.HRM,
    summary="Somebody is not employed any more",
    form=NAMED,
    body_example={"employee_id": 5},
    answer=Row,
    example={"id": 5},
    gate=managers,
    message="Employee deleted successfully",
    methods=("POST", "DELETE"),
)
def delete_employee(asked: Asked) -> Plan:
    """They cannot log in any more; what they did stays theirs."""
    employee = _managed(asked, asked.values["id"])
    return Plan([asked.command("user", "delete", target=employee.id)], lambda made: {"id": made.record().number})


def _managed(asked: Asked, reference: Row) -> Record:
    employee = find_employee(asked.till, reference, "id")
    check_may_manage(asked.till.principal.role, "id", employee.data["role"])
    return employee


def _say(made: Made) -> Row:
    row = employee_row(made.record())
    return {"employee": row, **row}


def employee_row(record: Record) -> Row:
    """An employee."""
    data = record.data
    return {
        "id": record.number,
        "name": data["name"],
        "email": data.get("email"),
        "username": data.get("username"),
        "phone": data.get("phone"),
        "role": data["role"],
        "employee_code": data.get("code"),
        "status": int(data.get("is_active", True)),
        **times(record),
    }


class EmployeesQuery(msgspec.Struct, kw_only=True):
    """Which page, and what the name, e-mail or code holds."""

    search: str | None = None
    page: Annotated[int, Meta(ge=1, le=10**9)] | None = None
    per_page: Annotated[int, Meta(ge=1, le=MOST_PER_PAGE)] | None = None


class Employees(msgspec.Struct, kw_only=True):
    """Employees."""

    employees: list[dict[str, Any]]
    pagination: dict[str, int]


@endpoint(
    "GET",
    "/api/desktop/hrm/employees",
    Operation(
        id="saimpexEmployees",
        summary="Employees",
        tag=tags.HRM,
        query=EmployeesQuery,
        answers={
            200: Answer(
                "Employees.",
                Envelope[Employees],
                {"status": "true", "data": {"employees": [EXAMPLE], "pagination": pagination(1, 20, 1)}, "message": "Success"},
            )
        },
    ),
)
async def employees(request: HttpRequest) -> ASGIResponse:
    """A page."""
    claims, services = claims_of(request), services_of(request)
    query = dict(query_pairs(request))
    page = values.whole(1, 10**9)(query.get("page") or 1, "page")
    per_page = values.whole(1, MOST_PER_PAGE)(query.get("per_page") or 20, "per_page")
    return said(await services.threads.run(_list, services, claims, (query.get("search") or "").strip()[:200], page, per_page))


def _list(services: Services, claims: Claims, search: str, page: int, per_page: int) -> Row:
    member = member_of(services, claims)
    paths = tuple(("data", name) for name in ("name", "email", "username", "code"))
    conditions = (Condition(paths, (search,), test="holds"),) if search else ()
    source = Source("user", conditions)
    found = list_from(services.database, member.principal.company_id, [source], limit=per_page, offset=(page - 1) * per_page)
    records = msgspec.json.decode(b"[" + found.items + b"]", type=list[Record])
    return {"employees": list(map(employee_row, records)), "pagination": pagination(page, per_page, found.total)}


HANDLERS = [*add_employee, *update_employee, *delete_employee, employees]
