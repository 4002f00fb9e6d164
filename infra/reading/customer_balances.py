"""What customers owe: the balances of some of them, straight from the records, so that they are of this very moment.

An invoice adds what is not paid of it, a return takes off; a payment that is on no invoice is the customer's credit. What was owed
before the books began is the opening balance. The reports tell the same from the books, as of any day.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from uuid import UUID

from infra.database import Database

_BALANCES = b"""
WITH asked AS (
    SELECT r.id, r.document::jsonb -> 'data' AS data FROM records r WHERE r.company_id = %b AND r.id = ANY(%b)
), amounts AS (
    SELECT a.id, coalesce(a.data ->> 'currency', %b::text) AS currency, (a.data ->> 'opening_balance')::numeric AS amount
    FROM asked a WHERE a.data ? 'opening_balance'
    UNION ALL
    SELECT a.id, i.data ->> 'currency',
        ((i.data ->> 'total')::numeric - (i.data ->> 'paid')::numeric) * CASE i.data ->> 'type' WHEN 'sales' THEN 1 ELSE -1 END
    FROM asked a CROSS JOIN LATERAL (
        SELECT r.document::jsonb -> 'data' AS data FROM records r
        WHERE r.company_id = %b AND r.parent_id = a.id AND r.kind = 'invoice' AND NOT r.deleted OFFSET 0  -- an index look-up each
    ) AS i WHERE i.data ->> 'type' IN ('sales', 'sales_return')
    UNION ALL
    SELECT c.party_id::uuid, c.currency, -c.amount FROM customer_credits(%b::text[]) AS c
)
SELECT id, currency, sum(amount) FROM amounts GROUP BY id, currency
"""


def customer_balances(
    database: Database, company_id: UUID, party_ids: Collection[UUID], currency: str
) -> Mapping[UUID, tuple[Decimal, str]]:
    """What each of these parties owes as a customer, and in which currency; below zero it is the party's credit.

    A party with amounts in several currencies is told what it owes in `currency`, the company's; one whose amounts are all in
    another is told that one's. Parties without any are left out. One statement, whatever the number of parties.
    """
    if not party_ids:
        return {}
    parameters = (company_id, list(party_ids), currency, company_id, [str(party_id) for party_id in party_ids])
    with database.company(company_id) as connection:
        rows = connection.execute(_BALANCES, parameters, binary=True).fetchall()
    found: dict[UUID, dict[str, Decimal]] = {}
    for party_id, unit, amount in rows:
        found.setdefault(party_id, {})[unit] = amount
    chosen: dict[UUID, tuple[Decimal, str]] = {}
    for party_id, amounts in found.items():
        unit = next(iter(amounts)) if len(amounts) == 1 else currency
        chosen[party_id] = (amounts.get(unit, Decimal(0)), unit)
    return chosen
