"""The encrypted channel: HPKE (RFC 9180), two profiles, no negotiation and no plaintext."""
