"""Public vocabularies: what is known to be public crosses in strict mode, all else is masked."""
