"""The door: guard, policies and ledger.

Guard every remote model object, also the fallbacks and the models inside other middleware: what is
not guarded is not examined. `is_guarded(model)` tells.

```python
guard = EgressGuard(masker)
model = guard.wrap(model)
```

The way of a call: `guarded_models` (or `transport`, for HTTP) makes a `payload` of it and asks
`guard`, which examines it, asks the `policy`, appends it to the `ledger` and opens a `crossing`;
inside of that the call is sent, and its receipt ends the crossing.
"""

from langchain_privacy.egress.guard import EgressGuard
from langchain_privacy.egress.guarded_models import is_guarded
from langchain_privacy.egress.ledger import Crossing, EgressLedger, PriceTable
from langchain_privacy.egress.policy import (
    AllOf,
    AllowHosts,
    AllowModels,
    AnyOf,
    CrossingRequest,
    EgressPolicy,
    HumanApproval,
    MaxBytesPerCrossing,
    MaxBytesPerSession,
    RealTextToAttested,
    RequireAttestation,
    UnsafeAllowAll,
    UnsafeEgressWarning,
)

__all__ = [
    "AllOf",
    "AllowHosts",
    "AllowModels",
    "AnyOf",
    "Crossing",
    "CrossingRequest",
    "EgressGuard",
    "EgressLedger",
    "EgressPolicy",
    "HumanApproval",
    "MaxBytesPerCrossing",
    "MaxBytesPerSession",
    "PriceTable",
    "RealTextToAttested",
    "RequireAttestation",
    "UnsafeAllowAll",
    "UnsafeEgressWarning",
    "is_guarded",
]
