"""Adapters: how one kind of endpoint is asked for evidence, and what its answer binds.

There is none for the server of HazyResearch's Minions: its end-to-end key stands in no signed
field, its nonce is its own, and its report is signed by a software key, so that nothing it says can
be tied to the machine that answers. Put the gateway in front of the model server instead.
"""

from langchain_privacy.secure.adapters.base import Adapter, Challenge
from langchain_privacy.secure.adapters.dstack import verify_dstack_report
from langchain_privacy.secure.adapters.gateway import GatewayAdapter
from langchain_privacy.secure.adapters.tinfoil import TinfoilAdapter

__all__ = ["Adapter", "Challenge", "GatewayAdapter", "TinfoilAdapter", "verify_dstack_report"]
