"""From numbers to verdicts: pure functions over arrays and records (numpy and scipy only)."""
