"""What every test shares: Hypothesis without clocks, and ``tests/`` on the import path."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A slow machine is no failure, and the same examples on every machine make a failure repeatable.
settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")
