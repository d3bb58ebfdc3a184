"""Where a gateway's evidence comes from: the kernel's configfs-tsm, NVML, or a simulation.

A gateway asks its `EvidenceProvider` once for each client that attests it. `ConfidentialVm` puts a
provider together from one half for the machine and one for its GPUs:

```python
provider = ConfidentialVm(ConfigfsTsm(), NvmlGpus())
app = create_gateway("http://127.0.0.1:8000", provider)
```
"""

import errno
import logging
import os
import secrets
import struct
import subprocess
import tempfile
import threading
import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.secure.envelope import CpuEvidence
from langchain_privacy.secure.evidence.nvidia_gpu import GpuEndorsements, GpuEvidence
from langchain_privacy.secure.evidence.signatures import UNREADABLE
from langchain_privacy.secure.evidence.simulated import simulate_report
from langchain_privacy.secure.policy.unsafe import SIMULATED_MEASUREMENT, UnsafePolicyWarning

_logger = logging.getLogger(__name__)

ConfidentialCompute = Mapping[str, bool]


class EvidenceProvider(Protocol):
    """Makes evidence; called in worker threads, as many at once as `attestation_workers` says."""

    def devices(self, nonce: bytes) -> tuple[Sequence[GpuEvidence], ConfidentialCompute | None]:
        """Reports of all GPUs for a nonce of 32 bytes, and the state of confidential computing."""
        ...

    def cpu(self, report_data: bytes) -> CpuEvidence:
        """The machine's report with these 64 bytes in it."""
        ...

    def gpu_endorsements(self) -> GpuEndorsements | None:
        """Reference manifests and OCSP responses to send along, if there are any."""
        ...


class CpuReports(Protocol):
    """The half of a provider that speaks for the machine."""

    def cpu(self, report_data: bytes) -> CpuEvidence:
        """The machine's report with these 64 bytes in it."""
        ...


class GpuReports(Protocol):
    """The half of a provider that speaks for the GPUs."""

    def devices(self, nonce: bytes) -> tuple[Sequence[GpuEvidence], ConfidentialCompute | None]:
        """Reports of all GPUs, and the state of confidential computing."""
        ...


class ConfidentialVm:
    """A confidential VM, with or without GPUs.

    Args:
        cpu: Source of the machine's reports, e.g. `ConfigfsTsm()`.
        gpus: Source of the GPUs' reports, e.g. `NvmlGpus()`.
        endorsements: Reference manifests and OCSP responses to send along.
    """

    def __init__(
        self,
        cpu: CpuReports,
        gpus: GpuReports | None = None,
        *,
        endorsements: GpuEndorsements | None = None,
    ) -> None:
        self._cpu, self._gpus, self._endorsements = cpu, gpus, endorsements
        # NVML does not say that it makes two reports of a GPU at once; configfs-tsm does.
        self._one_at_a_time = threading.Lock()

    def devices(self, nonce: bytes) -> tuple[Sequence[GpuEvidence], ConfidentialCompute | None]:
        """Reports of all GPUs."""
        if self._gpus is None:
            return (), None
        with self._one_at_a_time:
            return self._gpus.devices(nonce)

    def cpu(self, report_data: bytes) -> CpuEvidence:
        """The machine's report."""
        return self._cpu.cpu(report_data)

    def gpu_endorsements(self) -> GpuEndorsements | None:
        """What was given."""
        return self._endorsements


class ConfigfsTsm:
    """Linux's `/sys/kernel/config/tsm/report` (6.7 and later): SEV-SNP and TDX on bare metal.

    Args:
        endorsements: DER and PEM bytes by name, e.g. `{"key_certificate": ..., "chain": ...}` on
            AMD when the host hands no certificates through, or `{"collateral": ...}` on Intel; or
            a function that gives them, asked for each report, so that they can be renewed.
        root: The configfs folder; for tests.
    """

    # GUIDs of the certificate table, AMD 56421 "GHCB", section 4.1.8.1.
    _VCEK, _VLEK, _ASK, _ARK = (
        uuid.UUID("63da758d-e664-4564-adc5-f4b93be8accd"),
        uuid.UUID("a8074bc2-a25a-483e-aae6-39c045a0b8a1"),
        uuid.UUID("4ab7b379-bbac-4fe4-a02f-05aef327c782"),
        uuid.UUID("c0b406a4-a803-4952-9743-3fb6014cd0ae"),
    )

    def __init__(
        self,
        endorsements: Mapping[str, bytes] | Callable[[], Mapping[str, bytes]] | None = None,
        *,
        root: Path = Path("/sys/kernel/config/tsm/report"),
    ) -> None:
        self._given, self._root = endorsements or {}, root
        if not root.is_dir():
            msg = (
                "there is no configfs-tsm here: mount configfs, load sev-guest or tdx-guest, and "
                "run as root inside the confidential VM"
            )
            raise ConfigurationError(msg)

    def cpu(self, report_data: bytes) -> CpuEvidence:
        """Make a report; each call uses an entry of its own, as the kernel's ABI advises.

        Raises:
            ConfigurationError: If the kernel makes none, or another process was in between.
        """
        entry = self._root / f"langchain-privacy-{os.getpid()}-{secrets.token_hex(8)}"
        try:
            entry.mkdir()
            try:
                (entry / "inblob").write_bytes(report_data)
                report = (entry / "outblob").read_bytes()
                provider = (entry / "provider").read_text().strip()
                auxiliary = self._auxiliary(entry)
                generation = (entry / "generation").read_text().strip()
            finally:
                entry.rmdir()
        except OSError as error:
            code = errno.errorcode.get(error.errno or 0, "I/O error")
            msg = f"configfs-tsm made no report ({code})"
            raise ConfigurationError(msg) from None
        if generation != "1":
            msg = "another process changed the report entry while it was read"
            raise ConfigurationError(msg)
        if not report:
            msg = "configfs-tsm made an empty report"
            raise ConfigurationError(msg)
        own = dict(self._given() if callable(self._given) else self._given)
        if provider == "sev_guest":
            return CpuEvidence(
                kind="sev-snp",
                evidence={"report": report},
                endorsements={**self._certificates(auxiliary), **own},
            )
        if provider == "tdx_guest":
            return CpuEvidence(kind="tdx", evidence={"quote": report}, endorsements=own)
        msg = "the kernel's report provider is neither sev_guest nor tdx_guest"
        raise ConfigurationError(msg)

    @staticmethod
    def _auxiliary(entry: Path) -> bytes:
        try:
            return (entry / "auxblob").read_bytes()
        except OSError:
            return b""  # hosts need not hand certificates through

    @classmethod
    def _certificates(cls, table: bytes) -> dict[str, bytes]:
        known = {
            spelling: guid
            for guid in (cls._VCEK, cls._VLEK, cls._ASK, cls._ARK)
            # AMD's table has GUIDs as Microsoft writes them; AWS's hosts write them as RFC 9562.
            for spelling in (guid.bytes_le, guid.bytes)
        }
        found: dict[uuid.UUID, bytes] = {}
        malformed = ConfigurationError("the host's certificate table is malformed")
        for at in range(0, len(table) - 23, 24):
            spelling = table[at : at + 16]
            if not any(spelling):
                break
            offset, length = struct.unpack_from("<II", table, at + 16)
            if offset + length > len(table):
                raise malformed
            if spelling in known:
                found[known[spelling]] = table[offset : offset + length]
        certificates = {}
        if key := found.get(cls._VCEK) or found.get(cls._VLEK):
            certificates["key_certificate"] = key
        if cls._ASK in found and cls._ARK in found:
            from cryptography import x509
            from cryptography.hazmat.primitives.serialization import Encoding

            try:
                chain = [x509.load_der_x509_certificate(found[g]) for g in (cls._ASK, cls._ARK)]
            except UNREADABLE:
                raise malformed from None
            certificates["chain"] = b"".join(c.public_bytes(Encoding.PEM) for c in chain)
        return certificates


class AzureVtpm:
    """Azure's confidential VMs: the paravisor's report and a quote of the vTPM, by tpm2-tools.

    Azure does not let a guest choose report data, so the nonce and the keys are bound by the
    vTPM's quote, under the key that the hardware report vouches for.

    Args:
        endorsements: `{"key_certificate": ..., "chain": ...}` on AMD, `{"collateral": ...}` on
            Intel, or a function that gives them, asked for each report; Azure's instance metadata
            has AMD's (`/metadata/THIM/amd/certification`).
        pcrs: Registers to quote; a policy can require these alone.
        td_quote: On Intel, what turns the paravisor's TDREPORT into a quote, e.g. by Azure's local
            service (`/acc/tdquote`).
        run: Runs a command and returns its output; for tests.
    """

    _REPORT, _KEY = "0x01400001", "0x81000003"

    def __init__(
        self,
        endorsements: Mapping[str, bytes] | Callable[[], Mapping[str, bytes]],
        *,
        pcrs: Sequence[int] = (4, 7, 8, 9, 11),
        td_quote: Callable[[bytes], bytes] | None = None,
        run: Callable[[Sequence[str]], bytes] | None = None,
    ) -> None:
        self._given, self._td_quote = endorsements, td_quote
        self._pcrs, self._run = sorted(set(pcrs)), run or _output
        if not self._pcrs or not all(0 <= number < 24 for number in self._pcrs):
            msg = "AzureVtpm.pcrs takes numbers from 0 to 23, at least one"
            raise ConfigurationError(msg)

    def cpu(self, report_data: bytes) -> CpuEvidence:
        """The report, and a quote over the first half of these 64 bytes.

        Raises:
            ConfigurationError: If the vTPM or its tools are not there, or a register changed while
                it was quoted.
        """
        hcl = self._run(["tpm2_nvread", "-C", "o", self._REPORT])
        evidence = {"hcl_report": hcl}
        selection = "sha256:" + ",".join(map(str, self._pcrs))
        with tempfile.TemporaryDirectory() as folder:
            files = {name: f"{folder}/{name}" for name in ("attest", "signature", "pcrs")}
            options = {
                "-c": self._KEY,
                "-l": selection,
                "-q": report_data[:32].hex(),
                "-m": files["attest"],
                "-s": files["signature"],
                "-f": "plain",
                "-g": "sha256",
                "-o": files["pcrs"],
                "-F": "values",
            }
            self._run(["tpm2_quote", *(word for pair in options.items() for word in pair)])
            try:
                quoted = {name: Path(path).read_bytes() for name, path in files.items()}
            except OSError:
                msg = "tpm2_quote wrote no quote"
                raise ConfigurationError(msg) from None
        values = quoted["pcrs"]
        if len(values) != 32 * len(self._pcrs):
            msg = "tpm2_quote gave other registers than were asked for"
            raise ConfigurationError(msg)
        evidence |= {"tpm_attest": quoted["attest"], "tpm_signature": quoted["signature"]}
        for index, number in enumerate(self._pcrs):
            evidence[f"pcr{number}"] = values[32 * index : 32 * index + 32]
        if self._td_quote is not None:
            evidence["td_quote"] = self._td_quote(hcl)
        own = dict(self._given() if callable(self._given) else self._given)
        return CpuEvidence(kind="azure-cvm", evidence=evidence, endorsements=own)


def _output(command: Sequence[str]) -> bytes:
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=30)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        msg = f"{command[0]} failed: install tpm2-tools and run as root inside the VM"
        raise ConfigurationError(msg) from None
    return done.stdout


class NvmlGpus:
    """All GPUs of the machine through NVML (`pip install nvidia-ml-py`).

    Confidential computing must be on and out of developer mode, or clients refuse; the state is
    read from NVML for each report, because a GPU report alone does not show it.
    """

    def __init__(self) -> None:
        try:
            import pynvml
        except ImportError:
            msg = "GPU evidence needs NVML: pip install nvidia-ml-py"
            raise ConfigurationError(msg) from None
        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            msg = f"NVML does not start ({type(error).__name__}): is NVIDIA's driver loaded?"
            raise ConfigurationError(msg) from None

    def devices(self, nonce: bytes) -> tuple[Sequence[GpuEvidence], ConfidentialCompute]:
        """Reports of all GPUs, and the state of confidential computing.

        Raises:
            ConfigurationError: If a GPU gives no report, e.g. because the mode is off.
        """
        try:
            return self._read(nonce)
        except self._nvml.NVMLError as error:
            msg = f"NVML gives no evidence ({type(error).__name__})"
            raise ConfigurationError(msg) from None

    def _read(self, nonce: bytes) -> tuple[Sequence[GpuEvidence], ConfidentialCompute]:
        nvml = self._nvml
        found = []
        for index in range(nvml.nvmlDeviceGetCount()):
            device = nvml.nvmlDeviceGetHandleByIndex(index)
            report = nvml.nvmlDeviceGetConfComputeGpuAttestationReport(device, nonce)
            chain = nvml.nvmlDeviceGetConfComputeGpuCertificate(device)
            found.append(
                GpuEvidence(
                    report=_filled(report.attestationReport, report.attestationReportSize),
                    certificate_chain=_filled(
                        chain.attestationCertChain, chain.attestationCertChainSize
                    ),
                )
            )
        state = nvml.nvmlSystemGetConfComputeState()
        ready = nvml.nvmlSystemGetConfComputeGpusReadyState()
        return found, {
            "enabled": bool(state.ccFeature),
            "developer_mode": bool(state.devToolsMode),
            "ready": bool(ready),
        }


def _filled(array: Any, size: int) -> bytes:
    if not 0 < size <= len(array):
        msg = "NVML reports evidence of an impossible size"
        raise ConfigurationError(msg)
    return bytes(array[:size])


class SimulatedTee:
    """**No TEE at all.** For tests and development; only `UnsafeSimulatedTee` accepts it.

    Args:
        measurement: Launch measurement to report, 48 bytes in hex.
    """

    def __init__(self, measurement: str = SIMULATED_MEASUREMENT) -> None:
        text = "SimulatedTee: this gateway runs without hardware protection"
        _logger.warning(text)
        warnings.warn(text, UnsafePolicyWarning, stacklevel=2)
        self._measurement = measurement

    def devices(self, nonce: bytes) -> tuple[Sequence[GpuEvidence], None]:  # noqa: ARG002
        """No GPUs."""
        return (), None

    def cpu(self, report_data: bytes) -> CpuEvidence:
        """A simulated report."""
        report = simulate_report(report_data, self._measurement)
        return CpuEvidence(kind="simulated", evidence={"report": report})

    def gpu_endorsements(self) -> None:
        """None."""
        return
