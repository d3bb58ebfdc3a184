"""What a gateway reads from its machine: configfs-tsm's files and NVML's structures, byte for byte.

The kernel and the driver need hardware that a test has not. The folder here behaves as configfs
does, its reports are those of the checked-in authorities; the library is called by the real
`pynvml` and fills the structures at the offsets of `nvml.h`.
"""

import ctypes
import errno
import hashlib
import shutil
import struct
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from langchain_privacy.errors import AttestationError, ConfigurationError, EvidenceInvalidError
from langchain_privacy.secure import (
    AttestationPolicy,
    AttestedEndpoint,
    AttestedTransport,
    ConfidentialVm,
    ConfigfsTsm,
    NvidiaGpuPolicy,
    NvmlGpus,
    SevSnpPolicy,
    TdxMeasurement,
    TdxPolicy,
    TrustedRoots,
    attest,
    create_gateway,
)
from tests.support.asgi import AsgiServer
from tests.support.field_services import collateral
from tests.support.http import OpenAIServer
from tests.vectors.attestation import authority, cases, intel

KEPT = authority.load()
_DEVICE = x509.load_pem_x509_certificates(KEPT["nvidia"]["chain_0"])[-1]
ROOTS = TrustedRoots(
    amd_ark={"Milan": hashlib.sha256(KEPT["amd"]["ark"]).hexdigest()},
    nvidia_device=_DEVICE.fingerprint(hashes.SHA256()).hex(),
    intel_sgx_der=intel.root(),
)
SNP = SevSnpPolicy(measurements=[cases.MEASUREMENT.hex()])
TDX = TdxPolicy(
    measurements=[TdxMeasurement(**{name: v.hex() for name, v in intel.REGISTERS.items()})]
)
CHAT = {"model": "m", "messages": [{"role": "user", "content": "private words"}]}


# --- configfs-tsm ---


def _table(certificates: dict[str, bytes], *, big_endian: bool = False) -> bytes:
    """AMD's certificate table: GUID, offset, length for each, an empty entry, the certificates.

    AMD's documents write GUIDs as Microsoft does; AWS's hosts write them big-endian.
    """
    head, body = b"", b""
    start = 24 * (len(certificates) + 1)
    for guid, data in certificates.items():
        entry = struct.pack("<II", start + len(body), len(data))
        name = uuid.UUID(guid).bytes if big_endian else uuid.UUID(guid).bytes_le
        head, body = head + name + entry, body + data
    return head + bytes(24) + body


AMD_CERTIFICATES = {
    "63da758d-e664-4564-adc5-f4b93be8accd": KEPT["amd"]["vcek"],
    "4ab7b379-bbac-4fe4-a02f-05aef327c782": KEPT["amd"]["ask"],
    "c0b406a4-a803-4952-9743-3fb6014cd0ae": KEPT["amd"]["ark"],
}
AMD = _table(AMD_CERTIFICATES)


class Tsm:
    """A folder whose entries get their files when they are made, and go with them."""

    def __init__(self, root: Path) -> None:
        self.root, self.generation, self.provider = root, "1", "sev_guest"
        self.auxiliary: bytes | None = AMD
        self.report: Callable[[bytes], bytes] = lambda data: cases.snp_report({0x50: data})
        self.fails: dict[str, int] = {}
        self.made = 0

    def enter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let folders behave so below the root."""
        mkdir, rmdir, read, write = Path.mkdir, Path.rmdir, Path.read_bytes, Path.write_bytes

        def check(path: Path, step: str) -> None:
            if self.root in path.parents and (code := self.fails.get(step)):
                raise OSError(code, "no", str(path))

        def made(path: Path, *args: Any, **kwargs: Any) -> None:
            check(path, "mkdir")
            mkdir(path, *args, **kwargs)
            if path.parent == self.root:
                self.made += 1
                (path / "provider").write_text(self.provider + "\n")
                (path / "generation").write_text("0\n")
                if self.auxiliary is not None:
                    write(path / "auxblob", self.auxiliary)

        def removed(path: Path) -> None:
            check(path, "rmdir")
            if path.parent != self.root:
                rmdir(path)
                return
            shutil.rmtree(path)

        def written(path: Path, data: bytes) -> int:
            check(path, path.name)
            if path.name == "inblob":
                (path.parent / "generation").write_text(self.generation + "\n")
            return write(path, data)

        def contents(path: Path) -> bytes:
            check(path, path.name)
            if path.name == "outblob" and path.parent.parent == self.root:
                return self.report(read(path.parent / "inblob"))
            return read(path)

        monkeypatch.setattr(Path, "mkdir", made)
        monkeypatch.setattr(Path, "rmdir", removed)
        monkeypatch.setattr(Path, "read_bytes", contents)
        monkeypatch.setattr(Path, "write_bytes", written)


@pytest.fixture
def tsm(tmp_path, monkeypatch) -> Tsm:
    root = tmp_path / "report"
    root.mkdir()
    made = Tsm(root)
    made.enter(monkeypatch)
    return made


@pytest.fixture(scope="module")
def upstream() -> Iterator[OpenAIServer]:
    with OpenAIServer(lambda request: f"echo {request['messages'][-1]['content']}") as server:
        yield server


def _ask(upstream: OpenAIServer, provider: ConfidentialVm, *require: Any) -> str:
    app = create_gateway(upstream.url.removesuffix("/v1"), provider)
    with AsgiServer(app) as server:
        endpoint = AttestedEndpoint(server.url, AttestationPolicy(require=require), roots=ROOTS)
        with httpx.Client(transport=AttestedTransport(endpoint)) as client:
            reply = client.post(f"{server.url}/v1/chat/completions", json=CHAT)
            return reply.json()["choices"][0]["message"]["content"]


def test_sev_snp_gateway_from_the_kernels_files(tsm, upstream) -> None:
    provider = ConfidentialVm(ConfigfsTsm(root=tsm.root))
    assert _ask(upstream, provider, SNP) == "echo private words"
    assert tsm.made == 1
    assert list(tsm.root.iterdir()) == []


def test_tdx_gateway_from_the_kernels_files(tsm, upstream) -> None:
    tsm.provider, tsm.auxiliary = "tdx_guest", None
    tsm.report = lambda data: intel.quote({"report_data": data})
    endorsements = {"collateral": collateral().encode()}
    provider = ConfidentialVm(ConfigfsTsm(endorsements, root=tsm.root))
    assert _ask(upstream, provider, TDX) == "echo private words"


def test_certificates_of_the_host_are_read_and_own_ones_go_first(tsm) -> None:
    evidence = ConfigfsTsm(root=tsm.root).cpu(bytes(64))
    assert evidence.endorsements["key_certificate"] == KEPT["amd"]["vcek"]
    chain = x509.load_pem_x509_certificates(evidence.endorsements["chain"])
    assert [c.subject.rfc4514_string() for c in chain] == ["CN=SEV-Milan", "CN=ARK-Milan"]
    own = ConfigfsTsm({"chain": b"own"}, root=tsm.root).cpu(bytes(64))
    assert own.endorsements["chain"] == b"own"
    tsm.auxiliary = None
    assert ConfigfsTsm(root=tsm.root).cpu(bytes(64)).endorsements == {}


def test_endorsements_are_asked_for_at_each_report(tsm) -> None:
    lists = iter([b"first", b"renewed"])
    provider = ConfigfsTsm(lambda: {"crl": next(lists)}, root=tsm.root)
    given = [provider.cpu(bytes(64)).endorsements["crl"] for _ in range(2)]
    assert given == [b"first", b"renewed"]


def test_the_table_of_aws_is_read(tsm) -> None:
    expected = ConfigfsTsm(root=tsm.root).cpu(bytes(64)).endorsements
    tsm.auxiliary = _table(AMD_CERTIFICATES, big_endian=True)
    assert ConfigfsTsm(root=tsm.root).cpu(bytes(64)).endorsements == expected


def test_a_report_for_other_data_is_refused_by_the_client(tsm, upstream) -> None:
    tsm.report = lambda data: cases.snp_report({0x50: data[::-1]})
    with pytest.raises(AttestationError, match="another challenge"):
        _ask(upstream, ConfidentialVm(ConfigfsTsm(root=tsm.root)), SNP)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"fails": {"mkdir": errno.EACCES}}, "EACCES"),
        ({"fails": {"inblob": errno.EINVAL}}, "EINVAL"),
        ({"fails": {"outblob": errno.EIO}}, "EIO"),
        ({"fails": {"rmdir": errno.EBUSY}}, "EBUSY"),
        ({"generation": "2"}, "another process"),
        ({"generation": "0"}, "another process"),
        ({"provider": "arm_cca_guest"}, "neither"),
        ({"report": lambda _: b""}, "empty"),
        ({"auxiliary": AMD[:200]}, "certificate table"),
        ({"auxiliary": AMD.replace(KEPT["amd"]["ask"], bytes(len(KEPT["amd"]["ask"])))}, "table"),
    ],
)
def test_each_failure_of_the_kernel_closes(tsm, upstream, change, text) -> None:
    for name, value in change.items():
        setattr(tsm, name, value)
    provider = ConfigfsTsm(root=tsm.root)
    with pytest.raises(ConfigurationError, match=text) as refused:
        provider.cpu(bytes(64))
    assert str(tsm.root) not in str(refused.value)
    before = len(upstream.requests)
    with pytest.raises(EvidenceInvalidError, match="500"):
        _ask(upstream, ConfidentialVm(provider), SNP)
    assert len(upstream.requests) == before


def test_without_configfs_it_says_what_is_missing(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="configfs"):
        ConfigfsTsm(root=tmp_path / "absent")


# --- NVML ---

NOT_SUPPORTED, DRIVER_NOT_LOADED, GPU_IS_LOST = 3, 9, 15


class Nvml:
    """libnvidia-ml.so.1: C functions by name, which fill memory as `nvml.h` lays it out."""

    def __init__(self, serials: list[int]) -> None:
        self.serials, self.state, self.ready = serials, (1, 1, 0), 1
        self.fails: dict[str, int] = {}
        self.size: int | None = None
        self.report: Callable[[int, bytes], bytes] = lambda serial, nonce: cases.gpu_report(
            serial, nonce=nonce
        )

    def __getattr__(self, name: str) -> Callable[..., int]:
        function = type(self).__dict__.get(f"_{name}")
        if function is None:
            raise AttributeError(name)
        if (code := self.fails.get(name)) is not None:
            return lambda *_: code
        return lambda *given: function(self, *given) or 0

    @staticmethod
    def _put(where: Any, offset: int, data: bytes) -> None:
        ctypes.memmove(ctypes.addressof(where._obj) + offset, data, len(data))

    def _nvmlInitWithFlags(self, flags: int) -> None:  # noqa: N802
        assert flags == 0

    def _nvmlDeviceGetCount_v2(self, count: Any) -> None:  # noqa: N802
        self._put(count, 0, struct.pack("<I", len(self.serials)))

    def _nvmlDeviceGetHandleByIndex_v2(self, index: Any, device: Any) -> None:  # noqa: N802
        self._put(device, 0, struct.pack("<Q", index.value + 1))

    def _nvmlDeviceGetConfComputeGpuAttestationReport(  # noqa: N802
        self, device: Any, where: Any
    ) -> None:
        # isCecAttestationReportPresent, attestationReportSize, cecAttestationReportSize, nonce[32],
        # attestationReport[0x2000], cecAttestationReport[0x1000]
        nonce = ctypes.string_at(ctypes.addressof(where._obj) + 12, 32)
        index = ctypes.cast(device, ctypes.c_void_p).value - 1
        report = self.report(self.serials[index], nonce)
        size = len(report) if self.size is None else self.size
        self._put(where, 0, struct.pack("<III", 0, size, 0))
        self._put(where, 44, report)

    def _nvmlDeviceGetConfComputeGpuCertificate(self, device: Any, where: Any) -> None:  # noqa: N802
        # certChainSize, attestationCertChainSize, certChain[0x1000], attestationCertChain[0x1400]
        index = ctypes.cast(device, ctypes.c_void_p).value - 1
        chain = KEPT["nvidia"][f"chain_{self.serials[index] - 1000}"]
        self._put(where, 0, struct.pack("<II", 3, len(chain)))
        self._put(where, 8, b"xyz")
        self._put(where, 8 + 0x1000, chain)

    def _nvmlSystemGetConfComputeState(self, where: Any) -> None:  # noqa: N802
        self._put(where, 0, struct.pack("<III", *self.state))

    def _nvmlSystemGetConfComputeGpusReadyState(self, where: Any) -> None:  # noqa: N802
        self._put(where, 0, struct.pack("<I", self.ready))


@pytest.fixture
def nvml(monkeypatch) -> Nvml:
    pynvml = pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")
    library = Nvml([1000, 1001])
    monkeypatch.setattr(pynvml, "nvmlLib", library)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    return library


def test_gpus_are_read_from_nvmls_structures(nvml) -> None:
    found, state = NvmlGpus().devices(cases.NONCE)
    assert [gpu.report for gpu in found] == [cases.gpu_report(1000), cases.gpu_report(1001)]
    assert [gpu.certificate_chain for gpu in found] == [
        KEPT["nvidia"]["chain_0"],
        KEPT["nvidia"]["chain_1"],
    ]
    assert state == {"enabled": True, "developer_mode": False, "ready": True}


def test_gateway_with_gpus(tsm, nvml, upstream) -> None:
    provider = ConfidentialVm(ConfigfsTsm(root=tsm.root), NvmlGpus())
    assert _ask(upstream, provider, SNP, NvidiaGpuPolicy(count=2)) == "echo private words"
    for count in (1, 3):
        with pytest.raises(AttestationError, match="GPUs"):
            _ask(upstream, provider, SNP, NvidiaGpuPolicy(count=count))


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"state": (1, 0, 0)}, "confidential"),
        ({"state": (1, 1, 1)}, "developer"),
        ({"ready": 0}, "ready"),
        ({"serials": [1000, 1000]}, "twice"),
        ({"serials": []}, "there is none"),
        ({"report": lambda s, _: cases.gpu_report(s)}, "nonce|challenge"),
    ],
)
def test_gpus_in_another_state_are_refused_by_the_client(
    tsm, nvml, upstream, change, check
) -> None:
    for name, value in change.items():
        setattr(nvml, name, value)
    provider = ConfidentialVm(ConfigfsTsm(root=tsm.root), NvmlGpus())
    with pytest.raises(AttestationError, match=check):
        _ask(upstream, provider, SNP, NvidiaGpuPolicy(count=2))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"fails": {"nvmlDeviceGetCount_v2": GPU_IS_LOST}}, "GpuIsLost"),
        ({"fails": {"nvmlDeviceGetHandleByIndex_v2": GPU_IS_LOST}}, "GpuIsLost"),
        (
            {"fails": {"nvmlDeviceGetConfComputeGpuAttestationReport": NOT_SUPPORTED}},
            "NotSupported",
        ),
        ({"fails": {"nvmlDeviceGetConfComputeGpuCertificate": NOT_SUPPORTED}}, "NotSupported"),
        ({"fails": {"nvmlSystemGetConfComputeState": NOT_SUPPORTED}}, "NotSupported"),
        ({"fails": {"nvmlSystemGetConfComputeGpusReadyState": NOT_SUPPORTED}}, "NotSupported"),
        ({"size": 0}, "size"),
        ({"size": 0x2001}, "size"),
    ],
)
def test_each_failure_of_nvml_closes(tsm, nvml, upstream, change, text) -> None:
    for name, value in change.items():
        setattr(nvml, name, value)
    gpus = NvmlGpus()
    with pytest.raises(ConfigurationError, match=text):
        gpus.devices(cases.NONCE)
    with pytest.raises(EvidenceInvalidError, match="500"):
        provider = ConfidentialVm(ConfigfsTsm(root=tsm.root), gpus)
        _ask(upstream, provider, SNP, NvidiaGpuPolicy(count=2))


def test_without_a_driver_it_says_what_is_missing(nvml) -> None:
    nvml.fails = {"nvmlInitWithFlags": DRIVER_NOT_LOADED}
    with pytest.raises(ConfigurationError, match="DriverNotLoaded"):
        NvmlGpus()


def test_attest_alone_reports_the_state(tsm, nvml, upstream) -> None:
    provider = ConfidentialVm(ConfigfsTsm(root=tsm.root), NvmlGpus())
    with AsgiServer(create_gateway(upstream.url.removesuffix("/v1"), provider)) as server:
        policy = AttestationPolicy(require=[SNP, NvidiaGpuPolicy(count=2)])
        report = attest(AttestedEndpoint(server.url, policy, roots=ROOTS))
    assert {part.subject for part in report.parts} == {"sev-snp", "nvidia-gpus"}
    assert report.claims["confidential_compute"]["ready"] is True
