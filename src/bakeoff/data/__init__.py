"""Data in: sources, splits and scaling. Knows nothing of engines, studies and stores."""
