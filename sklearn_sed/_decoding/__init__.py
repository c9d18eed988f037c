"""From frame scores to events."""
