"""What a notebook shows: escaped, and no more than `repr` may say."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest

from langchain_privacy import EgressGuard, EgressLedger, Masker
from langchain_privacy.notebook import table
from langchain_privacy.secure import AttestationReport, Check
from langchain_privacy.testing.canaries import Leak
from langchain_privacy.testing.report import Channel, Report
from tests.support.scripted import ScriptedChatModel

SCRIPT = "<script>alert(1)</script>"


def test_everything_is_escaped() -> None:
    shown = table(SCRIPT, [(SCRIPT, SCRIPT), ("none", None)])
    assert shown.count("&lt;script&gt;") == 3
    assert "<script" not in shown
    assert shown.endswith("<tr><th>none</th><td></td></tr></table>")


def test_a_crossing_shows_its_placeholders() -> None:
    masker = Masker()
    ledger = EgressLedger("sqlite://", keep_payload=True)
    model = EgressGuard(masker, ledger=ledger).wrap(ScriptedChatModel(responses=["Done."]))
    model.invoke(masker.session("1").mask(f"Write to jane@example.org {SCRIPT}"))
    (crossing,) = ledger.crossings()
    shown = crossing._repr_html_()
    assert "<mark>[EMAIL_" in shown
    assert "EMAIL 1" in shown
    assert "jane" not in shown
    assert "<script" not in shown
    assert "<td>1</td>" in ledger.verify()._repr_html_()


def test_a_probe_names_channels_and_places() -> None:
    leak = Leak(channel="model", place=SCRIPT, value="EMAIL 1", form="plain")
    channels: Mapping[str, Channel] = {"model": Channel(texts=3, size=90)}
    shown = Report(leaks=[leak], placeholders=[], channels=channels)._repr_html_()
    assert "<th>model</th><td>3 texts</td><td>90 bytes</td><td>1 leaks</td>" in shown
    assert "&lt;script&gt;" in shown


@pytest.mark.parametrize("outcome", ["passed", "skipped"])
def test_an_attestation_shows_every_check(outcome: Any) -> None:
    check = Check(subject="sev-snp", name="signature", outcome=outcome, detail=SCRIPT)
    report = AttestationReport(
        subject="sev-snp",
        claims={"measurement": "00"},
        checks=(check,),
        verified_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    )
    shown = report._repr_html_()
    assert f"<th>sev-snp.signature</th><td>{outcome}</td>" in shown
    assert "<script" not in shown
