"""From a stored result to pages, text and JSON; trains nothing and imports no engine."""
