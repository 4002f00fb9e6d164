-- Which tables each projection was built with, and in which schema: what an upgrade replaces, and what `daftar projections drop`
-- removes, also when the software that made them is gone. Analysts' projections have theirs in the schema `analysis`.

ALTER TABLE daftar.projections ADD COLUMN home text NOT NULL DEFAULT 'daftar', ADD COLUMN tables text[] NOT NULL DEFAULT '{}';
UPDATE daftar.projections SET tables = '{records,unique_values,client_ids,stock_levels}' WHERE name = 'records';
UPDATE daftar.projections SET tables = '{journal_lines,account_balances,posted_facts}' WHERE name = 'balances';
