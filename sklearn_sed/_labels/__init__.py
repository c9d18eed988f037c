"""Labels: checked tags, their score and their thresholds."""
