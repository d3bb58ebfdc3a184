"""What Korean texts hold: numbers, people and addresses, each found by rules of its own."""
