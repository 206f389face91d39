"""How good answers were, each score with its 95 % confidence interval: one family of scores per file."""
