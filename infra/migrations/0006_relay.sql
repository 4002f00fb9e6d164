-- What a follower that publishes elsewhere notes beside its position: the stream it has published to (its time of creation) and
-- the place there of its last message, so that a stream that was lost, or lost its end, is noticed and filled again.

ALTER TABLE daftar.positions ADD COLUMN stream_created timestamptz, ADD COLUMN stream_seq bigint;
