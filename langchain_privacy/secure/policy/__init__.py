"""Policies: small, composable, readable; each raises."""
