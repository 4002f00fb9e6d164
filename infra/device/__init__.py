"""A reference client of the Matrix dialect: one SQLite file that works offline, queues what is done there, and syncs.

It stands for the apps that others write, so it uses nothing of Daftar's but its HTTP, and nothing but the standard library.
"""

from infra.device.device import Device
from infra.device.errors import DeviceError, FileProblem, LoginNeeded, NoSuchRow, Refused, ServerAway, WrongUse
from infra.device.server import Answer, Server, UrlTransport
from infra.device.syncing import Report

__all__ = [
    "Answer",
    "Device",
    "DeviceError",
    "FileProblem",
    "LoginNeeded",
    "NoSuchRow",
    "Refused",
    "Report",
    "Server",
    "ServerAway",
    "UrlTransport",
    "WrongUse",
]
