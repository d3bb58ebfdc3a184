"""Verifiers: pure functions of (evidence, endorsements, policy, now) without any I/O.

Each kind of evidence has a module with `verify_...`, which proves facts and applies a policy, and
with `prove_...`, its first half, for those who appraise several pieces together.
"""
