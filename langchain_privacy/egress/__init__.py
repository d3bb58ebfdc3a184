"""The door: policy, guard and ledger."""
