"""The groups in which the OpenAPI document lists this dialect's operations."""

LOGIN = "SAIMPEX: log-in"
SYNC = "SAIMPEX: sync"
POS = "SAIMPEX: point of sale"
CRM = "SAIMPEX: customers"
ERP = "SAIMPEX: purchasing and accounting"
HRM = "SAIMPEX: employees"
SETTINGS = "SAIMPEX: settings"
