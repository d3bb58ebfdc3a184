"""Channel, freshness and parsing: one file, one failure, one outcome of a closed list."""

import json
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy.errors import (
    AttestationError,
    ChannelError,
    ConfigurationError,
    EvidenceExpiredError,
    EvidenceInvalidError,
    PolicyMismatchError,
)
from langchain_privacy.secure import verify_envelope
from langchain_privacy.secure.channel import ehbp, sealed
from langchain_privacy.secure.channel.exchange import EhbpAnswer, open_exchange
from langchain_privacy.secure.channel.hpke import (
    X25519PrivateKey,
    XWingPrivateKey,
    encapsulate,
    exported_sequence,
)
from langchain_privacy.secure.policy.attestation import FORMAT, loads
from tests.vectors.channel import cases

pytestmark = pytest.mark.filterwarnings("ignore::langchain_privacy.secure.UnsafePolicyWarning")

OUTCOMES: dict[str, type[Exception] | None] = {
    "accepted": None,
    "channel": ChannelError,
    "invalid": EvidenceInvalidError,
    "expired": EvidenceExpiredError,
    "mismatch": PolicyMismatchError,
    "misconfigured": ConfigurationError,
}
FILES = sorted(cases.FOLDER.glob("*.json"))
KEYS = {"x-wing": XWingPrivateKey(), "ehbp-x25519": X25519PrivateKey()}


def _sequence(case: dict[str, Any]):
    return exported_sequence(*(bytes.fromhex(case[n]) for n in ("exported", "enc", "nonce")))


def _run(case: dict[str, Any]) -> None:
    kind = case["kind"]
    if kind == "sealed-answer":
        opener = sealed.Opener(_sequence(case))
        list(opener.feed(bytes.fromhex(case["wire"])))
        opener.finish()
    elif kind == "ehbp-answer":
        headers = [("content-type", case["content_type"])]
        answer = EhbpAnswer(ehbp.Opener(_sequence(case)), 200, headers, 10_000)
        list(answer.feed(bytes.fromhex(case["wire"])))
        answer.finish()
    elif kind == "answer-headers":
        profile = case["profile"]
        exchange = open_exchange(
            profile, KEYS[profile].public_bytes, "POST", "/v1/chat/completions", [], outer=[]
        )
        exchange.answer(case["status"], [tuple(pair) for pair in case["headers"]])
    elif kind == "key":
        encapsulate(case["kem"], bytes.fromhex(case["public"]))
    elif kind == "key-config":
        ehbp.parse_key_config(bytes.fromhex(case["data"]))
    else:
        settings = {"allow_unsafe": True, **case["policy"]}
        policy = loads(json.dumps({"format": FORMAT, **settings}).encode())
        nonce = bytes.fromhex(case["nonce"])
        verify_envelope(case["document"].encode(), nonce, policy, case["now"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = json.loads(path.read_text())
    expected = OUTCOMES[case["expect"]]
    if expected is None:
        _run(case)
        return
    with pytest.raises(expected) as refused:
        _run(case)
    assert type(refused.value) is expected
    if isinstance(refused.value, AttestationError):
        assert refused.value.check == case["check"]


def test_files_are_what_the_generator_makes() -> None:
    made = {name: cases.text(case) for name, case in cases.cases().items()}
    kept = {path.stem: path.read_text() for path in FILES}
    assert made.keys() == kept.keys()
    assert [name for name in made if made[name] != kept[name]] == []
