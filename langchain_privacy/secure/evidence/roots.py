"""The trust anchors, as SHA-256 fingerprints of the vendors' root certificates (DER).

A fingerprint is enough: chains arrive with the evidence or from the vendor's own service and must
end at one of these. Checked against AMD KDS (`/vcek/v1/{product}/cert_chain`), Intel's
`Intel_SGX_Provisioning_Certification_RootCA.cer` and NVIDIA's nvtrust repository.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class TrustedRoots:
    """Fingerprints of roots; tests with evidence of their own give others.

    Attributes:
        amd_ark: Product line of AMD to the fingerprint of its root key (ARK).
        nvidia_device: NVIDIA Device Identity CA.
        nvidia_rim: NVIDIA CoRIM signing Root CA.
        intel_sgx_der: Root certificate for TDX in DER; `None` is Intel's, built into dcap-qvl.
    """

    amd_ark: Mapping[str, str] = field(
        default_factory=lambda: {
            "Milan": "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd",
            "Genoa": "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1",
            "Turin": "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a",
        }
    )
    nvidia_device: str = "102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48"
    nvidia_rim: str = "12977b5115acb0381179279fffeb5a8c4d264971ebb32298023a465fa41df5d1"
    intel_sgx_der: bytes | None = None


VENDOR_ROOTS = TrustedRoots()
"""The vendors' production roots; the default everywhere."""
