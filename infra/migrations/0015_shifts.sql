-- What was sold, paid and spent in a shift: found when the shift is closed, and by its report. Of all other records nothing but the
-- kind, and of those kinds nothing but a text, is looked at when they are written.
CREATE INDEX records_by_shift ON daftar.records (company_id, ((document::jsonb -> 'data' ->> 'shift_id')))
    WHERE kind = ANY (ARRAY['cash_transaction', 'expense', 'invoice', 'payment']) AND strpos(document, '"shift_id":"') > 0;
