"""Ways to damage bytes and to write hostile text."""

from __future__ import annotations

import numpy as np

_EXTREMES = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]

HOSTILE = [
    "\x1b[31m\x1b]0;owned\x07",
    "\u202eevil\u202c",
    "\x00",
    "\x9b2J",
    "line\nbreak",
    "\r\rover",
    "﻿",
    "\ud800",
    "\U0010ffff",
    "e\u0301" * 50,
    "",
    " ",
    "\u00a0",
    "../../etc/passwd",
    "'; DROP TABLE run; --",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "%s%n%x",
    "NaN",
    "None",
    "1e400",
    "-0",
    "x" * 5_000,
    "𝟙𝟚𝟛",
    "١٢٣",
]
"""Texts that have broken programs before."""


def hostile_text(rng: np.random.Generator) -> str:
    """A text of one or two hostile pieces, perhaps around an innocent one."""
    pieces = [HOSTILE[i] for i in rng.integers(0, len(HOSTILE), rng.integers(1, 3))]
    return "".join(pieces) + ("name" if rng.random() < 0.3 else "")


def damaged(rng: np.random.Generator, data: bytes, most: int = 6) -> bytes:
    """The bytes with up to ``most`` damages: flips, cuts, repeats, insertions, extreme numbers."""
    out = bytearray(data)
    for _ in range(rng.integers(1, most + 1)):
        size = len(out)
        at = int(rng.integers(0, size + 1))
        length = int(rng.integers(1, 1 + min(64, max(1, size))))
        match int(rng.integers(0, 8)):
            case 0 if size:
                out[at % size] ^= 1 << int(rng.integers(0, 8))
            case 1 if size:
                out[at % size] = int(rng.integers(0, 256))
            case 2:
                out = out[:at] if rng.random() < 0.3 else out[:at] + out[at + length :]
            case 3:
                out[at:at] = out[at : at + length] * int(rng.integers(1, 4))
            case 4:
                out[at:at] = rng.bytes(length)
            case 5:
                width = int(rng.choice([1, 2, 4, 8]))
                order = "big" if rng.random() < 0.5 else "little"
                number = _EXTREMES[int(rng.integers(0, len(_EXTREMES)))] % (1 << 8 * width)
                out[at : at + width] = number.to_bytes(width, order)
            case 6:
                out[at : at + length] = bytes(length)
            case _:
                other = int(rng.integers(0, size + 1))
                out[at : at + length] = out[other : other + length]
    return bytes(out)
