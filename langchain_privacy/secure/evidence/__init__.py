"""Verifiers: pure functions of (evidence, endorsements, policy, now) without any I/O."""
