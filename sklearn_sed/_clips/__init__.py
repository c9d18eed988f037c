"""Clips: features that know their own clock, and what is checked of them."""
