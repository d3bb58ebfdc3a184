"""Adapters: how one kind of endpoint is asked for evidence, and what its answer binds."""

from langchain_privacy.secure.adapters.base import Adapter, Challenge
from langchain_privacy.secure.adapters.gateway import GatewayAdapter

__all__ = ["Adapter", "Challenge", "GatewayAdapter"]
