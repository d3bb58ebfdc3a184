"""What several test folders need: real servers on loopback and scripted models."""
