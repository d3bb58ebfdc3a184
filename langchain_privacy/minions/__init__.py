"""minions."""
