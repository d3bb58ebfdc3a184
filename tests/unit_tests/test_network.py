"""The whole suite runs with connections refused but for loopback: nothing here phones home."""

import socket

import pytest
from pytest_socket import SocketConnectBlockedError


def test_the_suite_cannot_reach_out():
    with socket.socket() as reaching, pytest.raises(SocketConnectBlockedError):
        reaching.connect(("192.0.2.1", 443))
