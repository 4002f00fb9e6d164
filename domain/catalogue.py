"""The catalogue: every kind of record there is, and the Struct behind every topic. One place; dialects only name fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from domain.event import Event, RecordedEvent
from domain.kind import Kind
from domain.kinds.account import ACCOUNT
from domain.kinds.attachment import ATTACHMENT
from domain.kinds.attendance import ATTENDANCE
from domain.kinds.cash_transaction import CASH_TRANSACTION
from domain.kinds.cheque import CHEQUE
from domain.kinds.company import COMPANY
from domain.kinds.conflict import CONFLICT
from domain.kinds.coupon import COUPON
from domain.kinds.custom_record import CUSTOM_RECORD
from domain.kinds.device import DEVICE, SESSION
from domain.kinds.dispute import DISPUTE
from domain.kinds.expense import EXPENSE
from domain.kinds.held_sale import HELD_SALE
from domain.kinds.invoice import INVOICE
from domain.kinds.invoice_line import INVOICE_LINE
from domain.kinds.journal import JOURNAL_ENTRY, JOURNAL_LINE
from domain.kinds.leave import LEAVE
from domain.kinds.money_accounts import BANK, BANK_GROUP, CASH, PAYMENT_ACCOUNT
from domain.kinds.number_series import NUMBER_SERIES
from domain.kinds.order import ORDER, ORDER_LINE
from domain.kinds.party import PARTY, PARTY_GROUP
from domain.kinds.payment import PAYMENT
from domain.kinds.payment_split import PAYMENT_SPLIT
from domain.kinds.product import PRODUCT, PRODUCT_CATEGORY, PRODUCT_DETAIL
from domain.kinds.settings import SETTINGS
from domain.kinds.shift import SHIFT
from domain.kinds.stock_movement import STOCK_MOVEMENT
from domain.kinds.unit import UNIT
from domain.kinds.user import USER
from domain.upcasting import upcast

KINDS: tuple[Kind, ...] = (
    COMPANY,
    USER,
    DEVICE,
    SESSION,
    PARTY_GROUP,
    PARTY,
    UNIT,
    PRODUCT_CATEGORY,
    PRODUCT,
    PRODUCT_DETAIL,
    ORDER,
    ORDER_LINE,
    INVOICE,
    INVOICE_LINE,
    PAYMENT,
    PAYMENT_SPLIT,
    CHEQUE,
    BANK_GROUP,
    BANK,
    CASH,
    PAYMENT_ACCOUNT,
    ACCOUNT,
    JOURNAL_ENTRY,
    JOURNAL_LINE,
    EXPENSE,
    STOCK_MOVEMENT,
    SHIFT,
    HELD_SALE,
    CASH_TRANSACTION,
    COUPON,
    ATTENDANCE,
    LEAVE,
    SETTINGS,
    NUMBER_SERIES,
    ATTACHMENT,
    CUSTOM_RECORD,
    DISPUTE,
    CONFLICT,
)

CATALOGUE: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}

TOPICS: Mapping[str, type[Event]] = {topic: struct for kind in KINDS for topic, struct in kind.topics.items()}
"""Permanent topic → the Struct of its data."""

_decoders: dict[str, msgspec.json.Decoder[Any]] = {topic: msgspec.json.Decoder(struct) for topic, struct in TOPICS.items()}


def event_of(recorded: RecordedEvent) -> Event:
    """The typed event in a row of the log, upcast to today's topic. Raises msgspec.ValidationError, KeyError on rubbish."""
    decoder = _decoders.get(recorded.topic)
    if decoder is not None:
        event: Event = decoder.decode(recorded.data)
        return event
    topic, fields = upcast(recorded.topic, msgspec.json.decode(recorded.data))
    return msgspec.convert(fields, TOPICS[topic])


def fields_of(recorded: RecordedEvent) -> dict[str, Any]:
    """The JSON fields that a row of the log sets, upcast to today's topic."""
    fields: dict[str, Any] = msgspec.json.decode(recorded.data)
    return fields if recorded.topic in TOPICS else upcast(recorded.topic, fields)[1]
