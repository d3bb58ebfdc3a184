"""HTTP transports that attest first and encrypt always, for httpx and for httpx2; and `attest`.

Both libraries have one interface; which one is in use is seen from the request. Nothing is sent
before the endpoint has proven itself, nothing in clear, nothing to another origin, and no answer is
used that was not sealed to this request.

```python
policy = AttestationPolicy(require=[SevSnpPolicy(measurements=["7a1e..."])])
transport = AttestedTransport("https://llm.example.com", policy)
with httpx.Client(transport=transport) as client:
    client.post("https://llm.example.com/v1/chat/completions", json=request)
```

`base` has the way of a request, `attested` the two transports that go it, each with the check
alone, and both clients for a chat model; `http` has what differs between the libraries.
`SecureChatModel` has one transport of each kind.
"""

from langchain_privacy.secure.transport.attested import (
    AsyncAttestedTransport,
    AttestedTransport,
    aattest,
    attest,
    attested_clients,
)
from langchain_privacy.secure.transport.base import SEALED_UNDER, BaseTransport
from langchain_privacy.secure.transport.http import name_for, reaching, unreached

__all__ = [
    "SEALED_UNDER",
    "AsyncAttestedTransport",
    "AttestedTransport",
    "BaseTransport",
    "aattest",
    "attest",
    "attested_clients",
    "name_for",
    "reaching",
    "unreached",
]
