"""Makes the builders of constructed results importable from every test of the report."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
