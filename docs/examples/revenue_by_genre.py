"""Revenue by month and genre: sales less returns, without VAT, by the month of the invoice and the category of the product.

A sale keeps the category that its product had when it was sold, and follows its invoice where that is dated anew.
"""

from decimal import Decimal

from projections.own import Index, Rows, Table, changes_of, fields_of, is_deletion

FACTS = Table(  # the name of a category, the category of a product; month, currency and sign of an invoice
    name="revenue_facts",
    columns={"id": "uuid", "name": "text", "category": "uuid", "month": "date", "currency": "text", "sign": "integer"},
    key=("id",),
    nullable=frozenset({"name", "category", "month", "currency", "sign"}),
)
LINES = Table(  # what each line sold, and as what it was counted
    name="revenue_lines",
    columns={"id": "uuid", "invoice": "uuid", "net": "numeric", "month": "date", "genre": "text", "currency": "text"},
    key=("id",),
    indexes=(Index("revenue_lines_by_invoice", "company_id, invoice"),),
)
REVENUE = Table(
    name="revenue_by_genre",
    columns={"month": "date", "genre": "text", "currency": "text", "revenue": "numeric"},
    key=("month", "genre", "currency"),
)
SIGNS = {"sales": 1, "sales_return": -1}


class RevenueByGenre:
    name, version, tables = "revenue_by_genre", 1, (FACTS, LINES, REVENUE)
    kinds = frozenset({"product_category", "product", "invoice", "invoice_line"})

    def fold(self, company_id, events, view):
        facts, lines, revenue = (Rows(view, table) for table in self.tables)
        decoded = [(event.record_id, event, fields_of(event)) for event in events]
        facts.load((fields[name],) for _, _, fields in decoded for name in ("invoice_id", "product_id") if fields.get(name))
        lines.load((key,) for key, event, _ in decoded if event.kind == "invoice_line")

        def recount(key, old, **changes):  # take a line back from where it was counted, and count it where it belongs now
            if old:
                revenue.add(old["month"], old["genre"], old["currency"], revenue=-old["net"])
            lines.put(key, **changes)
            new = lines.get(key)
            revenue.add(new["month"], new["genre"], new["currency"], revenue=new["net"])

        for key, event, fields in decoded:
            if event.kind == "product_category" and "name" in fields:
                facts.put(key, name=fields["name"])
            elif event.kind == "product" and "category_id" in fields:
                facts.put(key, category=fields["category_id"])
            elif event.kind == "invoice" and fields.get("type") in SIGNS:
                month = fields["issue_date"][:8] + "01"
                facts.put(key, month=month, currency=fields["currency"], sign=SIGNS[fields["type"]])
            elif event.kind == "invoice" and "issue_date" in fields and facts.get(key):
                facts.put(key, month=fields["issue_date"][:8] + "01")
                for line in lines.find("invoice", key):
                    recount(line["id"], line, month=facts.get(key)["month"])
            elif event.kind == "invoice_line":
                old = lines.get(key)
                invoice = facts.get(old["invoice"] if old else fields.get("invoice_id"))
                if invoice and is_deletion(event):
                    recount(key, old, net=0)
                elif invoice:
                    changes = {"month": invoice["month"], "currency": invoice["currency"]}
                    if not old:
                        changes["invoice"] = invoice["id"]
                    if "net" in fields:
                        changes["net"] = invoice["sign"] * Decimal(fields["net"])
                    if not old or "product_id" in fields:
                        product = facts.get(fields["product_id"]) if fields.get("product_id") else None
                        genre = facts.get(product["category"]) if product and product["category"] else None
                        changes["genre"] = genre["name"] if genre else "none"
                    recount(key, old, **changes)
        return changes_of(facts, lines, revenue)
