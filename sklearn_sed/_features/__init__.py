"""Log-mel features, in memory and on disk."""
