"""The vendors' services on loopback: AMD's KDS, Intel's PCS, NVIDIA's RIM and OCSP, and GitHub.

They vouch for the synthetic machines of `tests.vectors.attestation`, so `ROOTS` are theirs.
"""

import base64
import datetime as dt
import hashlib
import json
from urllib.parse import parse_qs, quote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from langchain_privacy.secure import TrustedRoots
from langchain_privacy.secure.collateral import VendorServices
from tests.support.field_services import collateral as intel_collateral
from tests.support.http import Recorded, Reply
from tests.vectors.attestation import authority, cases, intel, revocation

KEPT = authority.load()
AMD, GPU_CHAIN = KEPT["amd"], KEPT["nvidia"]["chain_0"]
NOW = dt.datetime.fromtimestamp(cases.NOW, dt.UTC)
ROOTS = TrustedRoots(
    amd_ark={"Milan": hashlib.sha256(AMD["ark"]).hexdigest()},
    nvidia_device=x509.load_pem_x509_certificates(GPU_CHAIN)[-1].fingerprint(SHA256()).hex(),
    intel_sgx_der=intel.root(),
)
REPORT = cases.snp_report()


def vendor(request: Recorded) -> Reply:
    """All three vendors on one port, told apart by their paths."""
    url = urlsplit(request.path)
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    made = json.loads(intel_collateral())

    def signed(member: str, name: str, header: str) -> Reply:
        text = f'{{"{member}":{made[name]},"signature":"{made[f"{name}_signature"]}"}}'
        return Reply(body=text.encode(), headers={header: quote(made[f"{name}_issuer_chain"])})

    if url.path == "/vcek/v1/Milan/cert_chain":
        certificates = [x509.load_der_x509_certificate(AMD[n]) for n in ("ask", "ark")]
        return Reply(body=b"".join(c.public_bytes(Encoding.PEM) for c in certificates))
    if url.path == "/vcek/v1/Milan/crl":
        return Reply(body=AMD["crl"])
    if url.path == f"/vcek/v1/Milan/{REPORT[0x1A0:0x1E0].hex()}":
        tcb = REPORT[0x180:0x188]
        wanted = {"blSPL": tcb[0], "teeSPL": tcb[1], "snpSPL": tcb[6], "ucodeSPL": tcb[7]}
        if query == {name: str(level) for name, level in wanted.items()}:
            return Reply(body=AMD["vcek"])
    if url.path == "/sgx/certification/v4/pckcrl" and query == {
        "ca": "platform",
        "encoding": "der",
    }:
        chain = {"SGX-PCK-CRL-Issuer-Chain": quote(made["pck_crl_issuer_chain"])}
        return Reply(body=bytes.fromhex(made["pck_crl"]), headers=chain)
    if url.path == "/tdx/certification/v4/tcb":
        fmspc = json.loads(made["tcb_info"])["fmspc"].lower()
        if query == {"fmspc": fmspc}:
            return signed("tcbInfo", "tcb_info", "TCB-Info-Issuer-Chain")
    if url.path == "/tdx/certification/v4/qe/identity":
        return signed("enclaveIdentity", "qe_identity", "SGX-Enclave-Identity-Issuer-Chain")
    if url.path == "/root.der":
        return Reply(body=bytes.fromhex(made["root_ca_crl"]))
    if url.path.startswith("/v1/rim/"):
        name = url.path.removeprefix("/v1/rim/")
        return Reply(
            body=json.dumps({"id": name, "rim": base64.b64encode(name.encode()).decode()}).encode()
        )
    if url.path == "/ocsp" and request.method == "POST":
        asked = ocsp.load_der_ocsp_request(request.body)
        chain = x509.load_pem_x509_certificates(GPU_CHAIN)
        at = next(i for i, c in enumerate(chain) if c.serial_number == asked.serial_number and i)
        return Reply(body=revocation.response(GPU_CHAIN, NOW, level=4 - at))
    return Reply(status=404)


def services(url: str) -> VendorServices:
    """All vendors at one address."""
    return VendorServices(
        amd=url,
        github=url,
        intel=url,
        intel_root_crl=f"{url}/root.der",
        nvidia_rim=url,
        nvidia_ocsp=f"{url}/ocsp",
    )
