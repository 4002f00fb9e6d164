"""Upload and Download: files of announced pictures and of records, as the Android app sends them and as the guide says."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from mahak_clients import Client, save_v1, save_v2
from pictures import HTML, PDF, png

from infra.settings import Settings
from infra.store.postgres import PostgresStore
from tests.api.conftest import register

BASE = 1_000_000_000
"""Where the ids of announced pictures begin."""


def stored(settings: Settings, company: Any) -> list[Path]:
    return [path for path in (settings.data_dir / "files" / str(company.id)).rglob("*") if path.is_file()]


def announce(mahak: Client) -> int:
    """A picture's row, as saving it makes one; its id."""
    row = {"fileName": "shop.png", "title": "The shop", "pictureCode": 5}
    return BASE + mahak.company.create("custom_record", type="pictures", data=row)["number"]


def send(mahak: Client, content: bytes, picture: Any = None, name: str | None = "shop.png", **fields: Any) -> Any:
    headers = {} if picture is None else {"X-PictureId": str(picture)}
    if name is not None:
        headers["X-FileName"] = name
    return mahak.http.post(
        f"/api/V3/sync/upload?userToken={mahak.token}", files=[("file", ("image.tmp", content))], data=fields, headers=headers
    )


def fetch(mahak: Client, address: str, token: str | None = None) -> Any:
    return mahak.http.get(address, headers={"Authorization": f"bearer {mahak.token if token is None else token}"})


def test_the_file_of_an_announced_picture(mahak: Client, following: None) -> None:
    picture, content = announce(mahak), png(40, 30)
    answer = send(mahak, content, picture)
    assert answer.status_code == 200, answer.text
    assert answer.json()["Result"] is True
    data = answer.json()["Data"]
    digest = hashlib.sha256(content).hexdigest()
    assert data["EntityId"] == picture
    assert data["AdditionalData"] == {"FileUrl": f"/API/v3/Sync/Download/{picture}", "FileHash": digest}
    [row] = mahak.pull(fromPictureVersion=0)["Pictures"]
    assert (row["PictureId"], row["RowVersion"], row["Title"]) == (picture, data["RowVersion"], "The shop")
    assert (row["Url"], row["FileSize"], row["Width"], row["Height"]) == (data["AdditionalData"]["FileUrl"], len(content), 40, 30)
    assert (row["Format"], row["PictureHash"]) == ("png", digest)
    read = fetch(mahak, row["Url"])
    assert (read.status_code, read.content, read.headers["content-type"]) == (200, content, "image/png")
    assert 'filename="shop.png"' in read.headers["content-disposition"]


def test_the_same_file_again_is_answered_as_before_and_another_replaces_it(mahak: Client, api_settings: Settings) -> None:
    picture = announce(mahak)
    first, again = send(mahak, png(), picture), send(mahak, png(), picture)
    assert first.json() == again.json()
    assert len(stored(api_settings, mahak.company)) == 1
    other = send(mahak, png(9, 9), picture).json()["Data"]
    assert other["RowVersion"] > first.json()["Data"]["RowVersion"]
    assert fetch(mahak, other["AdditionalData"]["FileUrl"]).content == png(9, 9)
    files = mahak.company.get("/records/attachment?after=0").json()["records"]
    assert sorted(one.get("deleted", False) for one in files) == [False, True]


def test_a_file_of_a_record_by_the_guide(mahak: Client, following: None) -> None:
    person = mahak.company.create("party", name="Leila", roles=["customer"])
    body = {
        "entityType": "person",
        "entityId": person["number"],
        "fileName": "contract.pdf",
        "fileContent": "data:image/png;base64," + base64.b64encode(PDF).decode(),
    }
    answer = mahak.post("/Sync/Upload", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True
    data = answer.json()["data"]
    assert (data["entityType"], data["entityId"], data["mimeType"]) == ("party", person["number"], "application/pdf")
    assert fetch(mahak, data["downloadUrl"]).content == PDF
    [record] = mahak.company.get("/records/attachment").json()["records"]
    assert (record["data"]["record_kind"], record["data"]["record_id"]) == ("party", person["id"])
    [row] = mahak.pull(fromPhotoGalleryVersion=0)["PhotoGalleries"]
    assert (row["PictureId"], row["ItemCode"], row["EntityType"]) == (data["id"], person["number"], 101)


@pytest.mark.parametrize(
    ("content", "fields", "status", "code"),
    [
        (png(), {"picture": 77}, 200, 2001),
        (png(), {"picture": BASE + 77}, 200, 2001),
        (png(), {"picture": "x"}, 200, 3001),
        (png(), {"picture": -1}, 200, 3001),
        (png(), {"entityType": "person", "entityId": "9999"}, 200, 2001),
        (png(), {"entityType": "person"}, 200, 3001),
        (png(), {"entityType": "nonsense", "entityId": "1"}, 200, 3001),
        (png(), {"entityId": "1"}, 200, 3001),
        (b"", {}, 200, 3001),
        (HTML, {}, 415, 415),
        (b"\x89PNG\r\n\x1a\n" + bytes(21_000_000), {}, 413, 413),
    ],
)
def test_what_is_refused_in_v1(content, fields, status, code, mahak: Client, api_settings: Settings) -> None:
    head = mahak.company.head()
    answer = send(mahak, content, **fields)
    assert (answer.status_code, answer.json()["Result"], answer.json()["Code"]) == (status, False, code), answer.text
    assert mahak.company.head() == head
    assert stored(api_settings, mahak.company) == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"fileName": "a.png"}, 400, 3001),
        ({"fileContent": "?"}, 400, 3001),
        ({"fileContent": 7}, 400, 3001),
        ({"fileContent": ""}, 400, 3001),
        ({"fileContent": base64.b64encode(HTML).decode()}, 415, 415),
        ({"fileContent": "aGk=", "entityType": "bank", "entityId": 999}, 400, 2001),
        ({"fileContent": "A" * 2_100_000}, 413, 413),
    ],
)
def test_what_is_refused_in_v2(body, status, code, mahak: Client, api_settings: Settings) -> None:
    answer = mahak.post("/Sync/Upload", body)
    assert (answer.status_code, answer.json()["success"], answer.json()["code"]) == (status, False, code), answer.text
    assert stored(api_settings, mahak.company) == []


def test_names_may_be_percent_encoded_and_are_made_harmless(mahak: Client) -> None:
    address = send(mahak, png(), name="..%2F%D8%B9%DA%A9%D8%B3.png").json()["Data"]["AdditionalData"]["FileUrl"]
    assert "filename*=UTF-8''%D8%B9%DA%A9%D8%B3.png" in fetch(mahak, address).headers["content-disposition"]


def test_only_the_same_login_fetches(mahak: Client, services: Any, member: Any) -> None:

    address = send(mahak, png(), announce(mahak)).json()["Data"]["AdditionalData"]["FileUrl"]
    assert mahak.http.get(address).status_code == 401
    stranger = register(services, mahak.http)
    assert fetch(mahak, address, stranger.token).status_code == 404
    for missing in (f"/API/v3/Sync/Download/{BASE + 99}", "/API/v3/Sync/Download/99", "/API/v3/Sync/Download/0"):
        assert fetch(mahak, missing).status_code == 404
    assert fetch(mahak, "/API/v3/Sync/Download/99999999999999999999").status_code == 404
    assert fetch(mahak, f"/API/v3/Sync/Download/{announce(mahak)}").status_code == 404, "no file has come yet"
    viewer = member("viewer")
    assert fetch(mahak, address, viewer.token).status_code == 200
    headers = {"Authorization": f"Bearer {viewer.token}"}
    refused = mahak.http.post("/API/v3/Sync/Upload", files=[("file", ("a.png", png()))], headers=headers)
    assert (refused.status_code, refused.json()["Result"]) == (403, False)


# In a batch ---------------------------------------------------------------------------------------


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_pictures_bring_their_files_and_galleries_bind_them(mahak: Client, api_settings: Settings) -> None:
    batch = {
        "photoGalleries": [
            {"pictureClientId": 5, "entityType": 102, "itemCode": 1, "itemType": 102},
            {"pictureClientId": 6, "entityType": 101, "itemCode": 1, "itemType": 0},
        ],
        "pictures": [
            {"pictureClientId": 5, "fileName": "tea.png", "title": "Tea", "binaryData": encoded(png(4, 3))},
            {"pictureClientId": 6, "fileName": "sara.png"},
        ],
    }
    save_v2(mahak, products=[{"productClientId": 1, "name": "Tea"}], people=[{"personClientId": 1, "firstName": "Sara"}])
    told = save_v2(mahak, **batch)["data"]
    assert save_v2(mahak, **batch)["data"] == told, "a batch whose answer was lost"
    assert len(stored(api_settings, mahak.company)) == 1, "the file that came again is gone"
    first, second = (row["pictureId"] for row in told["pictures"]["records"])
    rows = mahak.pull_v2(picturesRowVersion=0, photoGalleriesRowVersion=0)["data"]
    row = next(row for row in rows["pictures"]["records"] if row["pictureId"] == first)
    assert (row["width"], row["height"], row["format"], row["title"]) == (4, 3, "png", "Tea")
    assert fetch(mahak, row["url"]).content == png(4, 3)
    shown = [(one["pictureId"], one["entityType"], one["itemCode"]) for one in rows["photoGalleries"]["records"]]
    assert sorted(shown) == sorted([(first, 102, 1), (second, 101, 1)])
    assert send(mahak, png(), second).status_code == 200
    files = mahak.company.get("/records/attachment").json()["records"]
    bound = {one["data"]["sha256"]: one["data"]["record_kind"] for one in files}
    assert bound == {hashlib.sha256(png()).hexdigest(): "party", hashlib.sha256(png(4, 3)).hexdigest(): "product"}
    save_v2(mahak, pictures=[{"pictureId": first, "binaryData": encoded(png(7, 7))}])
    assert fetch(mahak, row["url"]).content == png(7, 7)
    gallery = next(one for one in rows["photoGalleries"]["records"] if one["pictureId"] == first)
    save_v2(mahak, photoGalleries=[{"photoGalleryId": gallery["photoGalleryId"], "deleted": True}])
    living = [one for one in mahak.company.get("/records/attachment").json()["records"] if not one.get("deleted")]
    assert [one["data"].get("record_kind") for one in living if one["data"]["width"] == 7] == [None]


def test_files_are_bound_without_a_query_for_each(mahak: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    save_v2(mahak, people=[{"personClientId": 1, "firstName": "Sara"}])
    pictures = [{"pictureClientId": number, "binaryData": encoded(png(number, 1))} for number in range(1, 8)]
    ids = [row["pictureId"] for row in save_v2(mahak, pictures=pictures)["data"]["pictures"]["records"]]
    whole, reads = PostgresStore.read_records, []

    def counted(store: PostgresStore, *given: Any) -> Any:
        reads.append(given)
        return whole(store, *given)

    monkeypatch.setattr(PostgresStore, "read_records", counted)

    def save(some: list[int]) -> tuple[int, int]:
        """How often galleries of these pictures, and their new files, read records."""
        reads.clear()
        save_v2(mahak, photoGalleries=[{"pictureId": one, "entityType": 101, "itemCode": 1} for one in some])
        bound = len(reads)
        save_v2(mahak, pictures=[{"pictureId": one, "binaryData": encoded(png(one % 99 + 9, 9))} for one in some])
        return bound, len(reads) - bound

    assert save(ids[:1]) == save(ids[1:])
    files = [one["data"] for one in mahak.company.get("/records/attachment").json()["records"] if not one.get("deleted")]
    assert [one["record_kind"] for one in files] == ["party"] * 7


def test_a_gallery_binds_a_file_that_was_uploaded_for_nothing(mahak: Client) -> None:
    made = mahak.post("/Sync/Upload", {"fileName": "a.png", "fileContent": encoded(png())}).json()["data"]["id"]
    save_v2(mahak, people=[{"personClientId": 1, "firstName": "Sara"}])
    told = save_v2(mahak, photoGalleries=[{"pictureId": made, "entityType": 101, "itemCode": 1}])["data"]["photoGalleries"]
    [row] = mahak.pull(fromPhotoGalleryVersion=0)["PhotoGalleries"]
    assert (row["PictureId"], row["ItemCode"], row["PhotoGalleryId"]) == (made, 1, told["records"][0]["photoGalleryId"])
    save_v1(mahak, PhotoGalleries=[{"PhotoGalleryId": row["PhotoGalleryId"], "Deleted": True}])
    [row] = mahak.pull(fromPhotoGalleryVersion=0)["PhotoGalleries"]
    assert row["Deleted"] is True
    assert mahak.pull(fromPictureVersion=0)["Pictures"][0]["Deleted"] is False


@pytest.mark.parametrize(
    ("batch", "code"),
    [
        ({"pictures": [{"pictureClientId": 1, "binaryData": "?"}]}, 3001),
        ({"pictures": [{"pictureClientId": 1, "binaryData": 5}]}, 3001),
        ({"pictures": [{"pictureClientId": 1, "binaryData": encoded(HTML)}]}, 415),
        ({"pictures": [{"pictureClientId": 1, "binaryData": encoded(png())}], "banks": [{"bankClientId": 1}]}, 3001),
        ({"photoGalleries": [{"pictureId": 77, "entityType": 101, "itemCode": 1}]}, 2001),
        ({"photoGalleries": [{"pictureId": BASE + 77, "entityType": 101, "itemCode": 1}]}, 2001),
        (
            {"pictures": [{"pictureClientId": 1}], "photoGalleries": [{"pictureClientId": 1, "entityType": 101, "itemCode": 9}]},
            2001,
        ),
    ],
)
def test_what_is_refused_in_a_batch(mahak: Client, api_settings: Settings, batch: dict[str, Any], code: int) -> None:
    head = mahak.company.head()
    answer = mahak.post("/Sync/SaveAllDataV2", batch)
    assert answer.json()["code"] == code, answer.text
    assert mahak.company.head() == head
    assert stored(api_settings, mahak.company) == []


def test_v1_a_picture_is_refused_alone(mahak: Client) -> None:
    rows = [{"PictureClientId": 1, "BinaryData": "?"}, {"PictureClientId": 2, "BinaryData": encoded(png())}]
    told = save_v1(mahak, Pictures=rows)
    assert [row["Result"] for row in told["Data"]["Objects"]["Pictures"]["Results"]] == [False, True]
    assert told["Data"]["Objects"]["Pictures"]["Results"][0]["Errors"][0]["Property"] == "BinaryData"
