"""The driver: which runs come next, on which threads, and what goes into the store."""
