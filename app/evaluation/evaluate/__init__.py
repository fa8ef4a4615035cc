"""Evaluates alerts by tags: how often motion, a person model and the rule were right."""
