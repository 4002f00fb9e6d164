"""Employees: the company's users, with a password or without."""

from __future__ import annotations

from typing import Any

from api.roles import check_may_manage
from api.saimpex import tags, values
from api.saimpex.access import managers
from api.saimpex.forms import Form, field, ref
from api.saimpex.rows import times
from api.saimpex.staff import find_employee
from api.saimpex.values import Row
from api.saimpex.writing import Asked, Made, Plan, writes
from domain.errors import InvalidField, RolesFixed
from domain.record import Record
from infra.ids import new_id

FEWEST_CHARACTERS = 8
OWN_ACCESS = "You cannot take your own access away; another manager can."
ROLES = {
    "staff": "staff",
    "cashier": "staff",
    "employee": "staff",
    "accountant": "accountant",
    "manager": "tenantAdmin",
    "owner": "owner",
    "viewer": "viewer",
    "user": "user",
    **{role: role for role in ("tenantAdmin", "tenantOwner", "tenantUser")},
}
"""Roles as the app may call them, and as they are answered."""


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
    if employee.id == asked.till.principal.user_id:
        _check_access_kept({**employee.data, **data}, employee.data["role"])
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
    if employee.id == asked.till.principal.user_id:
        raise RolesFixed(OWN_ACCESS, path="id")
    return Plan([asked.command("user", "delete", target=employee.id)], lambda made: {"id": made.record().number})


def _managed(asked: Asked, reference: Row) -> Record:
    employee = find_employee(asked.till, reference, "id")
    check_may_manage(asked.till.principal.role, "id", employee.data["role"])
    return employee


def _check_access_kept(after: Row, role: str) -> None:
    """Raise RolesFixed where somebody would not get in, or not manage, any more: the company may have nobody else who does."""
    if after.get("role") != role:
        raise RolesFixed(OWN_ACCESS, path="data.role")
    if not after.get("is_active", True):
        raise RolesFixed(OWN_ACCESS, path="data.is_active")
    if not after.get("email") and not after.get("username"):
        raise RolesFixed(OWN_ACCESS, path="data.email")


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


HANDLERS = [*add_employee, *update_employee, *delete_employee]
