"""Recipes that train the models; run from a checkout, never imported by the packages."""
