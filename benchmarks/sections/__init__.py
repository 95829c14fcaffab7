"""What is measured, one module each; every module has ``run(session)``."""

from __future__ import annotations

SECTIONS = ("epochs", "stage", "notebook", "cores", "overhead", "startup")
