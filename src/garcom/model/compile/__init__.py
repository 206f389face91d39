"""From a trained model to proved engines: candidates, the judge's rows, the comparison, the timing, the choice."""
