"""What to say and what should happen, decided from a turn. Plain functions without I/O."""
