"""Bank statements: SGML and XML, every transaction once, and nothing of a broken file."""

from __future__ import annotations

import pytest

from .conftest import SAMPLES, Books

SGML = (SAMPLES / "statement.ofx").read_text("utf-8")
XML = """\
<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>
<OFX>
  <SIGNONMSGSRSV1><SONRS><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS></SONRS></SIGNONMSGSRSV1>
  <CREDITCARDMSGSRSV1><CCSTMTTRNRS><TRNUID>1</TRNUID><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS>
    <CCSTMTRS><CURDEF>EUR</CURDEF><CCACCTFROM><ACCTID>5500 0000 0000 0004</ACCTID></CCACCTFROM>
      <BANKTRANLIST>
        <STMTTRN><TRNTYPE>DEBIT</TRNTYPE><DTPOSTED>20260102000000.000</DTPOSTED><TRNAMT>-12,80</TRNAMT>
          <FITID>A-1</FITID><PAYEE><NAME>Café Müller</NAME></PAYEE><MEMO><![CDATA[Tea & <cake>]]></MEMO></STMTTRN>
        <STMTTRN><TRNTYPE>CREDIT</TRNTYPE><DTPOSTED>20260103</DTPOSTED><TRNAMT>0</TRNAMT><FITID>A-2</FITID><NAME></NAME></STMTTRN>
      </BANKTRANLIST>
    </CCSTMTRS></CCSTMTTRNRS></CREDITCARDMSGSRSV1>
</OFX>
"""


def test_a_bank_statement_in_sgml(books: Books) -> None:
    bank = books.create("bank", name="Main bank", account_number="0001 2345")
    assert books.load("ofx", "", SGML, dry_run=True).created == 3
    assert books.records("payment") == []
    report = books.load("ofx", "", SGML)
    assert (report.rows, report.created) == (3, 3)
    first, second, third = books.data("payment")
    assert (first["amount"], first["direction"], first["date"]) == ("403.30", "in", "2026-03-24")
    assert (first["payer_name"], first["notes"], first["bank_id"]) == ("SHIRIN RUGS", "Invoice 2026-001", str(bank))
    assert (second["amount"], second["direction"], second["reference"]) == ("610.00", "out", "1042")
    assert second["payer_name"] == "ANATOLIA TEA & CO"
    assert third["extra"] == {"ofx_type": "FEE"}
    head = books.head
    assert (books.load("ofx", "", SGML).unchanged, books.head) == (3, head)
    longer = SGML.replace("</BANKTRANLIST>", SGML[SGML.index("<STMTTRN>") : SGML.index("</STMTTRN>") + 10] + "\n</BANKTRANLIST>")
    longer = longer[::-1].replace("2026032401"[::-1], "2026040101"[::-1], 1)[::-1]
    assert (books.load("ofx", "", longer).created, len(books.records("payment"))) == (1, 4)


def test_a_credit_card_statement_in_xml(books: Books) -> None:
    card = books.create("payment_account", name="Company card", type="bank", account_number="5500000000000004", currency="EUR")
    report = books.load("ofx", "", XML, category="travel")
    assert (report.created, len(report.notes)) == (1, 1)
    assert "A-2" in report.notes[0]
    (payment,) = books.data("payment")
    assert (payment["amount"], payment["currency"], payment["direction"]) == ("12.80", "EUR", "out")
    assert (payment["payer_name"], payment["notes"], payment["category"]) == ("Café Müller", "Tea & <cake>", "travel")
    assert payment["payment_account_id"] == str(card)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_with_a_byte_order_mark(books: Books, encoding: str) -> None:
    books.create("bank", name="Card", card_number="5500000000000004")
    assert books.load("ofx", "", XML.encode(encoding)).created == 1


def test_charsets_as_the_header_says_or_as_told(books: Books) -> None:
    books.create("bank", name="B", code="MAIN")
    latin = SGML.replace("SHIRIN RUGS", "MÜNCH")
    assert books.load("ofx", "", latin.encode("cp1252"), account="MAIN").created == 3
    assert books.data("payment")[0]["payer_name"] == "MÜNCH"
    mislabelled = latin.replace("MÜNCH", "\x81").encode("utf-8").replace(b"\xc2\x81", "こ".encode())
    (problem,) = books.refused("ofx", "", mislabelled, account="MAIN")
    assert (problem["line"], "CP1252" in problem["message"]) == (17, True)
    assert books.load("ofx", "", mislabelled, account="MAIN", encoding="utf-8", update=True).updated == 1
    assert books.data("payment")[0]["payer_name"] == "こ"


BAD = [
    ("", "begin with the header"),
    ("hello", "begin with the header"),
    ("a,b\n1,2\n", "begin with the header"),
    (SGML[: SGML.index("<OFX>")], "no <OFX>"),
    (SGML[:900], ""),
    (SGML[: SGML.index("</BANKTRANLIST>")], "never closed"),
    (SGML.replace("</STMTTRN>", "", 1), "closes nothing"),
    (SGML.replace("<OFX>", "<HTML>").replace("</OFX>", "</HTML>"), "no <OFX>"),
    (SGML.replace("CHARSET:1252", "CHARSET:KLINGON"), "KLINGON"),
    (XML.replace("]]>", ""), "CDATA"),
    (SGML.replace("STMTRS>", "INVSTMTRS>"), "investments"),
    (SGML.replace("STMTRS>", "OTHERRS>"), "no bank"),
]


@pytest.mark.parametrize(("content", "words"), BAD)
def test_broken_files_store_nothing(books: Books, content: str, words: str) -> None:
    books.create("bank", name="B", account_number="00012345", card_number="5500000000000004")
    if words == "KLINGON":
        from domain.errors import InvalidField

        with pytest.raises(InvalidField, match=words):
            books.load("ofx", "", content)
        return
    problems = books.refused("ofx", "", content)
    assert any(words in problem["message"] for problem in problems), problems


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "code"),
    [
        ("<FITID>2026032401", "", 17, "FITID", "invalid_field"),
        ("<FITID>2026032401", "<FITID>2026033101", 26, "FITID", "invalid_field"),
        ("<TRNAMT>403.30", "<TRNAMT>many", 17, "TRNAMT", "invalid_field"),
        ("<TRNAMT>403.30", "<TRNAMT>1,403.30", 17, "TRNAMT", "invalid_field"),
        ("<TRNAMT>403.30", "<TRNAMT>403.305", 17, "TRNAMT", "too_many_decimals"),
        ("<TRNAMT>-610.00\n", "", 18, "TRNAMT", "invalid_field"),
        ("<DTPOSTED>20260326", "<DTPOSTED>20260231", 18, "DTPOSTED", "invalid_field"),
        ("<DTPOSTED>20260326", "<DTPOSTED>26.3.2026", 18, "DTPOSTED", "invalid_field"),
        ("<CURDEF>USD", "<CURDEF>QQQ", 17, "CURDEF", "unknown_currency"),
        ("<FITID>2026032401", "<FITID>2026032401<CORRECTFITID>1", 17, "CORRECTFITID", "invalid_field"),
        ("<ACCTID>00012345", "<ACCTID>777", 17, "ACCTID", "reference_missing"),
        ("<ACCTID>00012345", "", 17, "ACCTID", "invalid_field"),
        ("<CODE>0<SEVERITY>INFO</STATUS>\n", "<CODE>2000<SEVERITY>ERROR<MESSAGE>No</STATUS>\n", 1, "STATUS", "invalid_field"),
    ],
)
def test_bad_transactions_are_named(books: Books, old: str, new: str, line: int, column: str, code: str) -> None:
    books.create("bank", name="B", account_number="00012345")
    assert old in SGML
    (problem,) = books.refused("ofx", "", SGML.replace(old, new))
    assert (problem["line"], problem["column"], problem["code"]) == (line, column, code)


def test_an_account_in_another_currency(books: Books) -> None:
    books.create("bank", name="B", account_number="00012345", currency="EUR")
    assert books.refused("ofx", "", SGML)[0]["code"] == "currency_mismatch"
    books.create("bank", name="Twin")
    books.create("bank", name="Twin")
    assert "2 banks" in books.refused("ofx", "", SGML, account="Twin")[0]["message"]
