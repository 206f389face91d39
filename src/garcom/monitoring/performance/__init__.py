"""How good the answers were: predictions and actuals of the lake, scored over time, with estimates where none came."""
