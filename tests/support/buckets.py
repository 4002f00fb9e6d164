"""A FinTrack bucket for tests, and what lies in the store behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import msgspec

from infra.settings import Settings

FORM = "multipart/form-data; boundary=x"


class Bucket(msgspec.Struct):
    """One user's bucket, and the client that holds its token."""

    name: str
    token: str
    client: Any
    company: Any

    def upload(self, *files: tuple[str, bytes] | tuple[str, bytes, str], bucket: str | None = None, **more: Any) -> httpx.Response:
        return self.client.post(
            "/bucket/upload",
            data={"bucketId": self.name if bucket is None else bucket},
            files=[("files", file) for file in files],
            headers={"Authorization": f"Bearer {self.token}", **more},
        )

    def put(self, name: str, content: bytes) -> dict[str, Any]:
        answer = self.upload((name, content))
        assert answer.status_code == 200, answer.text
        return answer.json()["data"][0]

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)

    def download(self, file: dict[str, Any], **headers: str) -> httpx.Response:
        return self.get(f"/bucket/download/{file['fileId']}", **headers)

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def stored(settings: Settings, company: Any) -> list[Path]:
    """Whatever lies in the store under the company's id."""
    return [path for path in (settings.data_dir / "files" / str(company.id)).rglob("*") if path.is_file()]


def attachments(company: Any) -> list[dict[str, Any]]:
    return company.get("/records/attachment?after=0").json()["records"]
