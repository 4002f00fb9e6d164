"""What can go wrong on a device. Whatever it is, what was written into the file stays there."""

from __future__ import annotations


class DeviceError(Exception):
    """Something went wrong; the message says what, and what to do."""


class FileProblem(DeviceError):
    """The file is not there, is in the way, or is no file of a device."""


class WrongUse(DeviceError):
    """What was asked for makes no sense."""


class NoSuchRow(WrongUse):
    """There is no such row on this device."""


class ServerAway(DeviceError):
    """The server did not answer, or asks to come again in `retry_after` seconds. It may have done what it was asked to do."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(DeviceError):
    """The server refused a whole request, with an HTTP `status`."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class LoginNeeded(Refused):
    """The session has ended."""
