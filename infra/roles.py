"""The names of the database's roles: requests, and what follows the logs. The owner has whatever name the deployment gives it."""

API_ROLE = "daftar_api"
WORKER_ROLE = "daftar_worker"
