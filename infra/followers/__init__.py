"""Followers: positions in every log, held as leases, and the read models that are folded behind it."""
