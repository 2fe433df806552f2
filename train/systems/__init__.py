"""Fitting one of the report's systems."""
