"""Adapters: how one kind of endpoint is asked for evidence, and what its answer binds.

The server of HazyResearch's Minions has no adapter for the channel, because nothing it says ties a
key to a machine; `UnsafeMinionsServer` speaks its own protocol and lists its faults.
"""

from langchain_privacy.secure.adapters.aci import AciAdapter
from langchain_privacy.secure.adapters.base import Adapter, Challenge
from langchain_privacy.secure.adapters.gateway import (
    AzureMaaAdapter,
    GatewayAdapter,
    MaaToken,
    fetch_maa_keys,
)
from langchain_privacy.secure.adapters.minions import UnsafeMinionsServer, verify_minions_report
from langchain_privacy.secure.adapters.near import NearAdapter, verify_dstack_report
from langchain_privacy.secure.adapters.tinfoil import TinfoilAdapter, TinfoilV3Adapter

__all__ = [
    "AciAdapter",
    "Adapter",
    "AzureMaaAdapter",
    "Challenge",
    "GatewayAdapter",
    "MaaToken",
    "NearAdapter",
    "TinfoilAdapter",
    "TinfoilV3Adapter",
    "UnsafeMinionsServer",
    "fetch_maa_keys",
    "verify_dstack_report",
    "verify_minions_report",
]
