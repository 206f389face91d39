"""Alert rules, what becomes of them, and how people hear of it."""
