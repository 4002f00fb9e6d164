"""The objects of the six business services."""

from __future__ import annotations

from collections.abc import Mapping

from api.fintrack.objects.expenses import EXPENSE
from api.fintrack.objects.invoices import INVOICE, INVOICE_ITEM
from api.fintrack.objects.object import Object
from api.fintrack.objects.parties import CUSTOMER, SUPPLIER
from api.fintrack.objects.payments import PAYMENT
from api.fintrack.objects.products import PRODUCT

OBJECTS: Mapping[str, Object] = {one.name: one for one in (CUSTOMER, SUPPLIER, PRODUCT, INVOICE, INVOICE_ITEM, PAYMENT, EXPENSE)}
