"""Every parser of what arrives from outside, each with seeds, and mutations of both forms it has.

A target takes bytes that somebody else chose and may raise a `PrivacyError`, or the refusal of its
own layer; whatever else comes out of it is a crash. `scripts/fuzz.py` runs one for as long as you
like, the unit tests run each for a moment.
"""

import base64
import datetime as dt
import gzip
import hashlib
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from langchain_privacy.errors import PrivacyError
from langchain_privacy.secure import (
    AttestationPolicy,
    AzureCvmEvidence,
    AzureMaaPolicy,
    GpuEndorsements,
    GpuEvidence,
    NvidiaGpuPolicy,
    Publisher,
    SevSnpPolicy,
    SnpEndorsements,
    TdxEndorsements,
    TdxMeasurement,
    TdxPolicy,
    TpmQuote,
    TrustedRoots,
    UnsafeNoAttestation,
    envelope,
    verify_azure_cvm,
    verify_azure_maa,
    verify_nras_token,
    verify_nvidia_gpu,
    verify_sev_snp,
    verify_tdx,
)
from langchain_privacy.secure.adapters import (
    AciAdapter,
    TinfoilAdapter,
    TinfoilV3Adapter,
)
from langchain_privacy.secure.adapters.aci import keyset_digest, report_data
from langchain_privacy.secure.adapters.tinfoil import _SNP_GUEST
from langchain_privacy.secure.channel import ehbp, sealed
from langchain_privacy.secure.channel.field_sealing import AciCipher
from langchain_privacy.secure.evidence import azure_cvm, dstack, release
from langchain_privacy.secure.policy.attestation import dumps, loads
from langchain_privacy.secure.report import Checks
from tests.support import fuzzing_services, fuzzing_texts, tinfoil
from tests.support.field_services import application
from tests.support.sigstore_log import REPOSITORY, SigstoreLog, statement
from tests.vectors.attestation import authority, cases, intel, revocation, tdx_cases

CORPUS = Path(__file__).parents[1] / "vectors" / "fuzz"
"""Inputs that crashed a parser once, a folder for each target; they are run before all others."""

KEPT = authority.load()
NOW = dt.datetime.fromtimestamp(cases.NOW, dt.UTC)
LATER = dt.datetime.fromtimestamp(tdx_cases.NOW, dt.UTC)
_AMD = KEPT["amd"]
_GPU_ROOT = x509.load_pem_x509_certificates(KEPT["nvidia"]["chain_0"])[-1].fingerprint(SHA256())
ROOTS = TrustedRoots(
    intel_sgx_der=intel.root(),
    amd_ark={"Milan": hashlib.sha256(_AMD["ark"]).hexdigest()},
    nvidia_device=_GPU_ROOT.hex(),
    nvidia_rim=_GPU_ROOT.hex(),
)
SNP = SevSnpPolicy(measurements=[cases.MEASUREMENT.hex()])
TDX = TdxPolicy(measurements=[TdxMeasurement(**{n: v.hex() for n, v in intel.REGISTERS.items()})])
MAA, ISSUER = AzureMaaPolicy(policy_hashes=["hash"]), "https://test.attest.azure.net"
TRUSTING = AttestationPolicy(
    require=[UnsafeNoAttestation()], profile="ehbp-x25519", allow_unsafe=True
)


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        run: Takes the bytes.
        seeds: Inputs that it accepts, or reads to the end.
    """

    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


def _endorsed(**changes: Any) -> SnpEndorsements:
    given = {"key_certificate": _AMD["vcek"], "chain": [_AMD["ask"], _AMD["ark"]], **changes}
    return SnpEndorsements(**given)


def _snp(report: bytes, endorsements: SnpEndorsements) -> object:
    return verify_sev_snp(report, endorsements, SNP, NOW, roots=ROOTS)


def _gpu(report: bytes, chain: bytes, **endorsements: Any) -> object:
    device = GpuEvidence(report=report, certificate_chain=chain)
    given = GpuEndorsements(**endorsements)
    policy = NvidiaGpuPolicy()
    return verify_nvidia_gpu(device, given, policy, NOW, nonce=cases.NONCE, roots=ROOTS)


def _azure(evidence: dict[str, bytes]) -> object:
    cpu = envelope.CpuEvidence(kind="azure-cvm", evidence=evidence)
    return envelope._prove_cpu(cpu, bytes(64), NOW, ROOTS)


def _named(data: bytes) -> dict[str, bytes]:
    """An object of names as evidence by name: what a gateway may call its members."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        content = None
    names = content if isinstance(content, dict) else {}
    return {"hcl_report": b"", "tpm_attest": b"", "tpm_signature": b""} | dict.fromkeys(names, b"")


@cache
def _sigstore() -> tuple[SigstoreLog, Any]:
    """A Sigstore, and what verifies its bundles."""
    log = SigstoreLog()
    with tempfile.TemporaryDirectory() as folder:
        return log, release._verifier(log.write_root(Path(folder) / "root.json"))


def _release(evidence: bytes) -> object:
    verifier, publisher = _sigstore()[1], Publisher(repository=REPOSITORY)
    found = [release._prove(bundle, verifier, LATER) for bundle in release.bundles(evidence)]
    return [publisher.verify(report) for report in found]


def _nras(answer: bytes, keys: bytes) -> object:
    return verify_nras_token(answer, keys, NvidiaGpuPolicy(), cases.NOW, nonce=cases.NONCE)


def _collateral(data: bytes) -> object:
    quote = intel.quote({"report_data": bytes(64)})
    return verify_tdx(quote, TdxEndorsements(collateral=data), TDX, LATER, roots=ROOTS)


def _through(adapter: Any) -> Callable[[bytes], object]:
    return lambda data: adapter.verify(data, bytes(32), TRUSTING, NOW, roots=ROOTS)


def _head(data: bytes) -> None:
    for parse in (sealed.parse_request_head, sealed.parse_response_head, sealed.read_prefix):
        try:
            parse(data)
        except PrivacyError:
            continue


def _answer(data: bytes) -> None:
    for kind in ("application/json", "text/event-stream", "application/x-ndjson"):
        whole = ehbp.Completeness(kind, max_buffer=10**6)
        whole.feed(data)
        try:
            whole.finish()
        except PrivacyError:
            continue


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()


@cache
def targets() -> dict[str, Target]:
    """All targets by name."""
    chain = KEPT["nvidia"]["chain_0"]
    report, quote = cases.snp_report(), intel.quote({"report_data": bytes(64)})
    pems = [x509.load_der_x509_certificate(_AMD[n]) for n in ("ask", "ark")]
    pem = b"".join(c.public_bytes(Encoding.PEM) for c in pems)
    registers, members = application("a")
    build = statement("ab" * 48, "cd" * 48, "ef" * 48)
    keyset = {
        "not_after": 2_000_000_000,
        "e2ee_public_keys": [{"algo": AciCipher.ALGORITHM, "public_key": "00" * 32}],
        "tls_public_keys": [{"domain": None, "spki_sha256": "00" * 32}],
    }
    bound = report_data(keyset_digest(keyset), bytes(32))
    keyed = intel.quote({"report_data": bound, **registers})
    aci = {
        "api_version": "aci/1",
        "attestation": {
            "tee_type": "tdx",
            "workload_keyset": keyset,
            "evidence": {"quote": keyed.hex(), "event_log": members["event_log"]},
        },
        "service_capabilities": {"supported_e2ee_versions": ["2"]},
    }
    zipped = base64.b64encode(gzip.compress(report, mtime=0)).decode()
    tinfoil_v2 = _json({"format": _SNP_GUEST, "body": zipped})
    tinfoil_v3 = (
        tinfoil.sections(bytes(32), tinfoil.keys(bytes(32), bytes(32))),
        tinfoil.sections(bytes(32), tinfoil.keys(bytes(32), bytes(32)), on_intel=True),
        tinfoil.june(bytes(32), bytes(32), bytes(32)),
    )
    crypto = envelope.crypto_material(
        {"ehbp-x25519": bytes(32)}, not_after=NOW, gateway_config="00" * 32
    )
    gpus = envelope.device_evidence([GpuEvidence(report=b"r", certificate_chain=b"c")], None)
    cpu = envelope.CpuEvidence(kind="sev-snp", evidence={"report": report})
    document = envelope.build(bytes(32), crypto, gpus, cpu)
    runtime = _json({"keys": [{"kid": "HCLAkPub", "kty": "RSA", "n": "AQAB", "e": "AQAB"}]})
    bound = cases.snp_report({0x50: hashlib.sha256(runtime).digest().ljust(64, b"\0")})
    sizes = b"".join(n.to_bytes(4, "little") for n in (2, 1, len(runtime)))
    hcl = b"HCLA" + bytes(28) + bound.ljust(1192, b"\0") + sizes + runtime
    policy = AttestationPolicy(
        require=[SNP, NvidiaGpuPolicy()], profile="ehbp-x25519", gateway_configs=["00" * 32]
    )
    roles = AttestationPolicy(roles={"a": TDX, "b": AzureMaaPolicy(pcrs={"4": "x"})})
    keys, bundle = _json(cases.jwks()), cases.bundle().encode()
    token = cases.token(cases._maa_claims(), alg="RS256", kid="test-rsa").encode()
    return {
        "snp_report": Target(lambda d: _snp(d, _endorsed()), (report,)),
        "snp_key_certificate": Target(
            lambda d: _snp(report, _endorsed(key_certificate=d)), (_AMD["vcek"],)
        ),
        "snp_chain": Target(lambda d: _snp(report, _endorsed(chain=d)), (pem,)),
        "snp_crl": Target(lambda d: _snp(report, _endorsed(crl=d)), (_AMD["crl"],)),
        "tdx_quote": Target(
            lambda d: verify_tdx(d, fuzzing_services.GIVEN, TDX, LATER, roots=ROOTS),
            (quote, intel.quote({"report_data": bytes(64)}, version=5)),
        ),
        "tdx_collateral": Target(_collateral, (tdx_cases.made_collateral({}).encode(),)),
        "gpu_report": Target(lambda d: _gpu(d, chain), (cases.gpu_report(),)),
        "gpu_chain": Target(lambda d: _gpu(cases.gpu_report(), d), (chain,)),
        "gpu_ocsp": Target(
            lambda d: _gpu(cases.gpu_report(), chain, ocsp=[d]),
            (revocation.response(chain, NOW, level=2),),
        ),
        "gpu_manifest": Target(
            lambda d: _gpu(cases.gpu_report(), chain, manifests=[d]),
            (fuzzing_services.manifest(),),
        ),
        "gpu_list": Target(
            GpuEvidence.from_nvidia_json, (_json([{"evidence": "AAAA", "certificate": "AAAA"}]),)
        ),
        "release_bundle": Target(_release, (_sigstore()[0].bundle(build),)),
        "release_statement": Target(lambda d: _release(_sigstore()[0].bundle(d)), (_json(build),)),
        "nras_answer": Target(lambda d: _nras(d, keys), (bundle,)),
        "nras_keys": Target(lambda d: _nras(bundle, d), (keys,)),
        "maa_keys": Target(
            lambda d: verify_azure_maa(token, d, MAA, NOW, issuer=ISSUER, nonce=cases.NONCE.hex()),
            (keys,),
        ),
        "maa_token": Target(
            lambda d: verify_azure_maa(d, keys, MAA, NOW, issuer=ISSUER, nonce=cases.NONCE.hex()),
            (token,),
        ),
        "azure_hcl": Target(
            lambda d: verify_azure_cvm(
                AzureCvmEvidence(
                    hcl_report=d, tpm_quote=TpmQuote(attest=b"", signature=b"", pcrs={})
                ),
                _endorsed(),
                SNP,
                NOW,
                nonce=bytes(32),
                roots=ROOTS,
            ),
            (hcl,),
        ),
        "azure_runtime": Target(azure_cvm._attestation_key, (runtime,)),
        "azure_attest": Target(
            azure_cvm._parse_attest,
            (b"\xffTCG\x80\x18" + bytes(34) + b"\0\0\0\1\0\x0b\3" + bytes(40),),
        ),
        "azure_names": Target(lambda d: _azure(_named(d)), (_json({"pcr4": 0, "pcr11": 0}),)),
        "envelope": Target(
            lambda d: envelope.verify_envelope(d, bytes(32), TRUSTING, NOW), (document,)
        ),
        "envelope_keys": Target(
            lambda d: envelope._material(d, NOW, Checks("endpoint")), (crypto,)
        ),
        "envelope_devices": Target(envelope._devices, (gpus,)),
        "tinfoil_v2": Target(
            _through(TinfoilAdapter(_endorsed(), accept_boot_time_evidence=True)),
            (tinfoil_v2,),
        ),
        "tinfoil_v3": Target(_through(TinfoilV3Adapter()), tinfoil_v3),
        "aci": Target(_through(AciAdapter("a", fuzzing_services.GIVEN)), (_json(aci),)),
        "event_log": Target(
            lambda d: dstack.replay(d.decode("utf-8", "replace")), (members["event_log"].encode(),)
        ),
        "policy": Target(loads, (dumps(policy), dumps(roles))),
        "heads": Target(
            _head,
            (
                sealed.dump_head(sealed.RequestHead("POST", "/v1", [("a", "b")])),
                sealed.dump_head(sealed.ResponseHead(200, [])),
            ),
        ),
        "answers": Target(_answer, (b'{"a": 1}', b"data: [DONE]\n\n", b'{"done": true}\n')),
        "ehbp_key": Target(ehbp.parse_key_config, (ehbp.key_config(bytes(32)),)),
        **{name: Target(*parts) for name, parts in fuzzing_services.parsers().items()},
        **{name: Target(*parts) for name, parts in fuzzing_texts.parsers().items()},
    }


@cache
def areas() -> dict[str, tuple[str, ...]]:
    """What is fuzzed by coverage, as one: the targets of each area."""
    texts = {name: (name,) for name in ("grammar", "views", "statements", "masking")}
    frames: tuple[str, ...] = ("heads", "answers", "ehbp_key", "problem", "fields", "upstream")
    frames += ("sealed_request", "sealed_answer", "minions_answer")
    others = {"policy", *frames, *texts}
    evidence = tuple(name for name in targets() if name not in others)
    return {**texts, "frames": frames, "evidence": evidence}


def run(name: str, data: bytes) -> None:
    """Give a target these bytes; a `PrivacyError` is an answer, anything else comes through."""
    try:
        targets()[name].run(data)
    except PrivacyError:
        return


# --- mutations ---

_NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**30, 10**400, 1e308, "", "\u00b2", "\ud800", "\u0661", "0" * 5000,
    "x" * 70_000, [], {}, [[]], {"": {}}, "pcr\u00b2", "pcr" + "9" * 5000, "-----BEGIN",
    "9999-99-99T00:00:00", "2025-01-01T00:00:00", "AAAA", "A", "=", "00", "\0",
)  # fmt: skip


def mutated(seed: bytes, random_: random.Random) -> bytes:
    """A changed copy: of the JSON inside where there is some, else of the bytes."""
    if random_.random() < 0.6:
        try:
            return _changed_json(json.loads(seed), random_)
        except (ValueError, RecursionError):
            pass  # no JSON, or nested deeper by each change than Python writes
    return _changed_bytes(bytearray(seed), random_)


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    level = [content]
    while level:
        value = level.pop()
        keys = value if isinstance(value, dict) else range(len(value))
        for key in list(keys):
            yield value, key
            if isinstance(value[key], (dict, list)):
                level.append(value[key])


def _changed_json(content: Any, random_: random.Random) -> bytes:
    places = list(_places([content]))
    for _ in range(random_.randint(1, 3)):
        holder, key = random_.choice(places)
        try:
            held = holder[key]
        except (KeyError, IndexError, TypeError):
            continue
        what = random_.random()
        if what < 0.1 and isinstance(holder, dict):
            del holder[key]
        elif what < 0.2 and isinstance(holder, dict):
            holder[str(random_.choice(_NASTY))] = held
        elif what < 0.35 and isinstance(held, str):
            # Text that is JSON or hex itself is changed inside.
            inner = mutated(held.encode("utf-8", "replace"), random_)
            holder[key] = inner.decode("utf-8", "replace")
        elif what < 0.4:
            nested: Any = held
            for _ in range(random_.choice((3, 63, 64, 65, 300))):
                nested = [nested]
            holder[key] = nested
        else:
            holder[key] = random_.choice(_NASTY)
    text = json.dumps(content)
    if random_.random() < 0.05:
        text = "[" * 20_000 + text
    return text.encode()


def _changed_bytes(data: bytearray, random_: random.Random) -> bytes:
    for _ in range(random_.choice((1, 1, 2, 4, 16))):
        at = random_.randrange(len(data) + 1)
        what = random_.randrange(6)
        if what == 0 and data:
            data[at % len(data)] ^= 1 << random_.randrange(8)
        elif what == 1 and data:
            data[at % len(data)] = random_.choice((0, 0x7F, 0x80, 0xFF, 0x30, 0x82))
        elif what == 2:
            del data[at:]
        elif what == 3:
            del data[at : at + random_.randint(1, 64)]
        elif what == 4:
            data[at:at] = random_.randbytes(random_.randint(1, 8))
        else:
            piece = data[at : at + random_.randint(1, 64)]
            data[at:at] = piece * random_.choice((1, 2, 50))
    return bytes(data)
