"""What the command line shows: progress and tables. Only ``cli`` uses it."""
