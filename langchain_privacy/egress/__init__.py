"""The door: guard, policies and ledger.

Guard every remote model object, also the fallbacks and the models inside other middleware: what is
not guarded is not examined.
"""

from langchain_privacy.egress.guard import EgressGuard
from langchain_privacy.egress.ledger import Crossing, EgressLedger, PriceTable
from langchain_privacy.egress.models import is_guarded
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
    "RequireAttestation",
    "UnsafeAllowAll",
    "UnsafeEgressWarning",
    "is_guarded",
]
