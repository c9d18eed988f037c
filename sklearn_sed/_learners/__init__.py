"""The estimators: tagger, detector, both passes, ensembles, presets."""
