"""NVIDIA reference integrity manifests: signed lists of the measurements a GPU should have.

A manifest is a SWID tag (ISO/IEC 19770-2, TCG RIM) with an enveloped XML signature. Needs the
extra `rim` (signxml).
"""

import base64
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from langchain_privacy.errors import ConfigurationError, PolicyMismatchError
from langchain_privacy.secure.evidence.nvidia_chain import verify_device_chain
from langchain_privacy.secure.evidence.nvidia_report import GpuReport
from langchain_privacy.secure.report import Checks

_SWID = "{http://standards.iso.org/iso/19770/-2/2015/schema.xsd}"
_HASH = "{http://www.w3.org/2001/04/xmlenc#sha384}Hash"
_XMLDSIG = "{http://www.w3.org/2000/09/xmldsig#}"
_MAX_MANIFEST = 1024 * 1024
_NVDEC0_INDEX = 35


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A verified manifest.

    Attributes:
        version: Version of the driver or VBIOS that it is about.
        golden: Index of each active measurement to its accepted values in hex.
    """

    version: str
    golden: Mapping[int, frozenset[str]]


def verify_manifest(data: bytes, now: dt.datetime, pin: str, checks: Checks) -> Manifest:
    """Verify a manifest's signature and chain, and read its measurements.

    Args:
        data: The XML document.
        now: The clock.
        pin: SHA-256 of the root certificate.
        checks: Where the checks are recorded.
    """
    try:
        from lxml import etree
        from signxml.algorithms import DigestAlgorithm, SignatureMethod
        from signxml.exceptions import SignXMLException
        from signxml.verifier import SignatureConfiguration, XMLVerifier
    except ImportError:
        msg = 'reference manifests need signxml: pip install "langchain-privacy[rim]"'
        raise ConfigurationError(msg) from None
    signed: Any = None
    chain: tuple[x509.Certificate, ...] = ()
    try:
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        root = etree.fromstring(data, parser) if len(data) <= _MAX_MANIFEST else None
        if root is not None and root.getroottree().docinfo.doctype == "":
            chain = tuple(
                x509.load_der_x509_certificate(base64.b64decode(node.text or ""))
                for node in root.iter(_XMLDSIG + "X509Certificate")
            )
    except (etree.XMLSyntaxError, ValueError):
        chain = ()
    checks.require("rim_readable", len(chain) > 1, "a reference manifest cannot be read")
    verify_device_chain(chain, now, pin, checks, length=None)
    try:
        # The certificate is fixed by the chain just verified, and the clock is the injected one.
        result = XMLVerifier().verify(
            root,
            x509_cert=chain[0],
            expect_config=SignatureConfiguration(
                signature_methods=frozenset({SignatureMethod.ECDSA_SHA384}),
                digest_algorithms=frozenset({DigestAlgorithm.SHA384}),
                verification_time=now,
            ),
        )
        signed = result.signed_xml if not isinstance(result, list) else None
    except (SignXMLException, InvalidSignature, ValueError, TypeError):
        signed = None
    checks.require("rim_signature", signed is not None, "a manifest's signature is wrong")
    manifest = _read(signed)
    checks.require("rim_content", manifest is not None, "a manifest's content cannot be used")
    assert manifest is not None
    return manifest


def _read(signed: Any) -> Manifest | None:
    # Only what the signature covers is read, never the document that was handed in.
    meta = signed.find(_SWID + "Meta")
    golden: dict[int, frozenset[str]] = {}
    try:
        for resource in signed.iter(_SWID + "Resource"):
            if resource.get("type") != "Measurement" or resource.get("active") != "True":
                continue
            index, count = int(resource.get("index")), int(resource.get("alternatives"))
            values = frozenset(resource.get(f"{_HASH}{n}", "").lower() for n in range(count))
            if index in golden or "" in values or not values:
                return None
            golden[index] = values
    except (TypeError, ValueError):
        return None
    version = meta.get("colloquialVersion") if meta is not None else None
    return Manifest(version=version, golden=golden) if version and golden else None


def compare(report: GpuReport, manifests: Sequence[Manifest], checks: Checks) -> None:
    """Compare a report's measurements with the manifests of its driver and its VBIOS.

    Args:
        report: The verified report.
        manifests: Verified manifests; those of other versions are refused, not ignored.
        checks: Where the checks are recorded.
    """
    versions = [m.version.upper() for m in manifests]
    wanted = {str(report.driver).upper(): "driver", str(report.vbios).upper(): "VBIOS"}
    checks.require(
        "rim_versions",
        set(versions) <= set(wanted) and len(set(versions)) == len(versions),
        "a manifest is for another driver or VBIOS version",
    )
    golden: dict[int, frozenset[str]] = {}
    conflict = False
    for manifest in manifests:
        for index, values in manifest.golden.items():
            conflict |= index in golden
            golden[index] = values
    checks.require("rim_conflict", not conflict, "two manifests name the same measurement")
    if report.nvdec0_disabled:
        golden.pop(_NVDEC0_INDEX, None)
    # Manifests count from 0, SPDM blocks from 1.
    differing = [i for i, values in golden.items() if report.measurements.get(i + 1) not in values]
    where = f"measurement {min(differing)} differs" if differing else ""
    checks.require(
        "rim_measurements",
        not differing,
        f"{where} from its reference value",
        error=PolicyMismatchError,
    )
    if missing := set(wanted) - set(versions):
        names = " and ".join(sorted(wanted[version] for version in missing))
        checks.skip("rim_complete", f"no manifest of the {names} was given")
    else:
        checks.require("rim_complete", True, "", detail="driver and VBIOS")
