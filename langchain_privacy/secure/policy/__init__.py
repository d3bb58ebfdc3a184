"""Policies: small, composable, readable; each raises.

`attestation` has the `AttestationPolicy` that a client holds an endpoint to, `machines` a policy
for each kind of evidence, `unsafe` those that prove nothing, `base` what they share.
"""
