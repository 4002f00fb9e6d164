"""The Mahak dialect: Sync API v3, V1 as its clients speak it and V2 as its guide has it."""
