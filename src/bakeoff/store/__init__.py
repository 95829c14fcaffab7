"""The results store: one SQLite file, one writer, many readers."""
