"""Metrics of sound event detection."""
