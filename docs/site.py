"""What the site needs beyond docs/: the pages of the repository's root, and links that work in both places.

mkdocs calls the two functions; mkdocs.yml names this file.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
# By where they lie in the repository; the README cannot have its own name beside index.md.
PAGES = {
    "README.md": "overview.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "SECURITY.md": "security.md",
}
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s#:]+)(#[^)\s]*)?\)")


def on_files(files: Any, *, config: Any) -> Any:
    """Adds the pages of the root."""
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Any, files: Any, **_: Any) -> str:
    """Points links at pages of the site; a link to what is no part of it becomes its words."""
    here = page.file.src_uri
    source = {site: name for name, site in PAGES.items()}.get(here, f"docs/{here}")

    def moved(found: re.Match[str]) -> str:
        words, target, place = found.groups()
        there = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        there = PAGES.get(there, there.removeprefix("docs/"))
        file = files.get_file_from_path(there)
        if file is None or file.inclusion.is_excluded():
            return words
        relative = posixpath.relpath(there, posixpath.dirname(here) or ".")
        return f"[{words}]({relative}{place or ''})"

    return LINK.sub(moved, markdown)
