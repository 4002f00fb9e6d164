"""Proving that nothing was changed: the hash chain, the Merkle tree over it, signed heads, and read models against the log."""
