-- Payments that are on no invoice are their party's credit: found by the party, for what customers owe.
CREATE INDEX credits_by_party ON daftar.records (company_id, ((document::jsonb -> 'data' ->> 'party_id')))
    WHERE kind = 'payment' AND parent_id IS NULL AND NOT deleted;
