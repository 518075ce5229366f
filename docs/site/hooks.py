"""How the repository's Markdown becomes a site: pages lie as they do in the repository, equations are MathML, plots have pictures."""

import html
import logging
import re
import sys
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
import gallery

ROOT = Path(__file__).resolve().parents[2]
SHOWN = [
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "conf/config.yaml", "docs/site/extra.css"),
    *("docs/*.md", "docs/*.png", "docs/how_to/*.md", "docs/reference/*.md"),
    *("results/*/*.*", "benchmarks/results/*.*", "examples/**/*.*"),
]
EQUATION = re.compile(r'<(span|div) class="arithmatex">\\[(\[]\s*(.*?)\s*\\[)\]]</\1>', re.DOTALL)
# What the converter lacks, and letters that browsers know, but not by the attribute that it gives them.
TEX = {r"\arg\m": r"\operatorname{arg}\,\m", r"\mathbb E": "𝔼", r"\mathbb R": "ℝ", r"\mathbb 1": "𝟙", r"\mathcal N": "𝒩"}
LOG = logging.getLogger(f"mkdocs.hooks.{__name__}")  # what mkdocs counts: a warning ends a strict build


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Return the repository's pages and what they link to, under their own paths, and the gallery; the theme's files stay."""
    paths = sorted({path for pattern in SHOWN for path in ROOT.glob(pattern) if path.is_file() and "__pycache__" not in path.parts})
    shown = [File(path.relative_to(ROOT).as_posix(), str(ROOT), config.site_dir, config.use_directory_urls) for path in paths]
    made = [File.generated(config, f"gallery/{name}", content=content) for name, content in gallery.files(ROOT).items()]
    return Files([*shown, *made, *(file for file in files if file.generated_by is None and file.src_dir != config.docs_dir)])


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page with inline equations as Markdown's extensions know them, and each plot's picture under its name."""
    markdown = re.sub(r"\$`([^`]+)`\$", r"$\1$", markdown)
    return gallery.with_pictures(markdown) if page.file.src_uri == "docs/reference/plots.md" else markdown


def on_page_content(text: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page's HTML with its equations in MathML, which browsers draw by themselves."""

    def drawn(equation: re.Match[str]) -> str:
        tex = " ".join(html.unescape(equation[2]).split())
        for written, replacement in TEX.items():
            tex = tex.replace(written, replacement)
        mathml = convert(tex, display="block" if equation[1] == "div" else "inline").replace(r"\_", "_")
        if re.search(r"\\|&(?!#x?\w+;|amp;|lt;|gt;)|mathvariant=.(double|script)", mathml):
            LOG.warning("%s: an equation that could not be converted: %s", page.file.src_uri, tex)
        return f'<{equation[1]} class="arithmatex">{mathml}</{equation[1]}>'

    return EQUATION.sub(drawn, text)
