"""Training: functions from arrays to weights. Knows nothing of studies and stores."""
