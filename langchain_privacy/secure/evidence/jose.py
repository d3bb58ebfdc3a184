"""Signed tokens (RFC 7515, RFC 7519) with everything fixed by the verifier.

The algorithm, the keys and the clock come from the caller, never from the token's header. A header
that names keys or extensions (`jku`, `x5u`, `x5c`, `jwk`, `crit`) is refused unless the issuer is
known to send it, and then ignored. `nras` reads NVIDIA's tokens with `verify_token`, `azure_maa`
Microsoft's.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from langchain_privacy.errors import EvidenceExpiredError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.evidence.signatures import UNREADABLE, p384_holds, rsa_holds
from langchain_privacy.secure.report import Checks

Algorithm = Literal["ES384", "RS256"]
_MAX_TOKEN = 64 * 1024
_MIN_RSA_BITS = 2048


def _es384(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey | None:
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-384":
        return None
    try:
        return ec.EllipticCurvePublicNumbers(
            _number(jwk, "x"), _number(jwk, "y"), ec.SECP384R1()
        ).public_key()
    except UNREADABLE:
        return None


def _rs256(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey | None:
    if jwk.get("kty") != "RSA":
        return None
    key: object = None
    try:
        if "n" in jwk:
            key = rsa.RSAPublicNumbers(_number(jwk, "e"), _number(jwk, "n")).public_key()
        elif (leaf := _leaf(jwk)) is not None:
            # Azure publishes its keys as certificates only; the set itself is what is trusted.
            key = leaf.public_key()
    except UNREADABLE:
        return None
    return key if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _MIN_RSA_BITS else None


def _number(jwk: Mapping[str, Any], name: str) -> int:
    return int.from_bytes(parsing.from_base64(jwk.get(name), "JWKS", urlsafe=True))


def _leaf(jwk: Mapping[str, Any]) -> x509.Certificate | None:
    """The certificate of a key, if it comes with one; raises ValueError when it is unreadable."""
    chain = jwk.get("x5c")
    if not isinstance(chain, list) or not chain:
        return None
    return x509.load_der_x509_certificate(parsing.from_base64(chain[0], "JWKS"))


def _in_its_time(jwk: Mapping[str, Any], now: dt.datetime) -> bool:
    try:
        leaf = _leaf(jwk)
    except UNREADABLE:
        return False
    return leaf is None or leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc


def _holds(
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, signed: bytes, signature: bytes
) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return rsa_holds(key, signed, signature)
    r, s = int.from_bytes(signature[:48]), int.from_bytes(signature[48:])
    return len(signature) == 96 and p384_holds(key, signed, r, s)


_LEEWAY = dt.timedelta(seconds=60)
"""Tolerated difference between clocks."""


def verify_token(
    token: str,
    jwks: bytes | str | Mapping[str, Any],
    *,
    algorithm: Algorithm,
    issuer: str,
    now: dt.datetime,
    checks: Checks,
    max_lifetime: dt.timedelta,
    ignored_headers: Collection[str] = (),
) -> dict[str, Any]:
    """Verify a compact JWS and its registered claims; return the claims.

    Args:
        token: Three base64url parts.
        jwks: The issuer's key set, fetched from the issuer over TLS or pinned.
        algorithm: The only one accepted.
        issuer: Exact value of `iss`.
        now: The clock.
        checks: Where the checks are recorded.
        max_lifetime: Longest accepted time from `iat` to `exp`.
        ignored_headers: Header members this issuer is known to send; they are not used.

    Raises:
        EvidenceInvalidError: If the token is malformed or its signature does not hold.
        EvidenceExpiredError: If it is not valid at `now`.
    """
    token = parsing.text(token, "token")
    parts = token.split(".")
    checks.require(
        "token",
        len(parts) == 3 and len(token) <= _MAX_TOKEN and token.isascii(),
        "not a compact signed token",
    )
    header = parsing.strict_json(parsing.from_base64(parts[0], "token", urlsafe=True), "header")
    allowed = {"alg", "kid", "typ", *ignored_headers}
    checks.require(
        "header",
        isinstance(header, dict) and set(header) <= allowed and header.get("typ", "JWT") == "JWT",
        "the token's header names keys or extensions",
    )
    checks.require("algorithm", header.get("alg") == algorithm, f"the algorithm is not {algorithm}")
    keys = parsing.strict_json(jwks, "JWKS") if isinstance(jwks, (bytes, str)) else jwks
    listed = keys.get("keys") if isinstance(keys, Mapping) else None
    kid = header.get("kid")
    matching = [
        jwk
        for jwk in (listed if isinstance(listed, list) else [])
        if isinstance(jwk, dict) and isinstance(kid, str) and jwk.get("kid") == kid
    ]
    checks.require("kid", len(matching) == 1, "the issuer's key set does not have this key")
    key = _es384(matching[0]) if algorithm == "ES384" else _rs256(matching[0])
    usable = matching[0].get("alg", algorithm) == algorithm
    checks.require("key", key is not None and usable, "the key is not fit for the algorithm")
    assert key is not None
    checks.require(
        "key_dates",
        _in_its_time(matching[0], now),
        "the key's certificate is not valid at this time",
        error=EvidenceExpiredError,
    )
    signed = f"{parts[0]}.{parts[1]}".encode("ascii")
    signature = parsing.from_base64(parts[2], "token", urlsafe=True)
    checks.require("signature", _holds(key, signed, signature), "the signature is wrong")
    claims = parsing.strict_json(parsing.from_base64(parts[1], "token", urlsafe=True), "claims")
    checks.require("claims", isinstance(claims, dict), "the claims are not an object")
    checks.require("issuer", claims.get("iss") == issuer, "another issuer")
    _dates(claims, now, checks, max_lifetime)
    return dict(claims)


def _dates(
    claims: Mapping[str, Any],
    now: dt.datetime,
    checks: Checks,
    max_lifetime: dt.timedelta,
) -> None:
    exp, iat = (parsing.integer(claims.get(name), name) for name in ("exp", "iat"))
    nbf = parsing.integer(claims.get("nbf", iat), "nbf")
    clock, slack = now.timestamp(), _LEEWAY.total_seconds()
    checks.require(
        "lifetime",
        0 < exp - iat <= max_lifetime.total_seconds(),
        "the token's lifetime is longer than its issuer gives",
    )
    checks.require(
        "not_expired", clock <= exp + slack, "the token is expired", error=EvidenceExpiredError
    )
    checks.require(
        "not_from_future",
        iat <= clock + slack and nbf <= clock + slack,
        "the token is not valid yet",
        error=EvidenceExpiredError,
    )
