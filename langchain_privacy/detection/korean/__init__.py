"""Korean: numbers, people and addresses."""
