"""Notebooks and scripts that train Keras models, read without being run, as replications."""
