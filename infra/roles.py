"""The names of the database's roles: of requests, and of what follows the logs. The owner is called what its URL says."""

API_ROLE = "daftar_api"
WORKER_ROLE = "daftar_worker"
