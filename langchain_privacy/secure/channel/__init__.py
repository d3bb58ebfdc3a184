"""The encrypted channel to an attested endpoint: four profiles, never negotiated, never plaintext.

| profile | seals | module |
|---|---|---|
| `"x-wing"` | the whole exchange, post-quantum, with an authenticated end | `sealed` |
| `"ehbp-x25519"` | bodies, as EHBP servers want them | `ehbp` |
| `"aci-e2ee-v2"`, `"near-ed25519-v2"` | the contents of messages | `field_sealing` |

The first two build on HPKE (RFC 9180, `hpke`). Transports start every request with
`exchange.open_exchange`, which hides the differences; the gateway speaks the first two itself.
"""

from typing import Literal

Profile = Literal["x-wing", "ehbp-x25519", "aci-e2ee-v2", "near-ed25519-v2"]
"""The channel that a policy fixes."""

FIELD_PROFILES: tuple[Profile, ...] = ("aci-e2ee-v2", "near-ed25519-v2")
"""Profiles that seal the contents of messages alone, so that the rest needs an attested TLS key."""
