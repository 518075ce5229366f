"""``python .ci/recipe.py``: the conda recipe, rendered as rattler-build does, which refuses unknown keys, licences and bad versions."""

from pathlib import Path

from rattler_build import Stage0Recipe

recipe = Stage0Recipe.from_file(Path(__file__).parent / "conda" / "recipe.yaml")
for variant in recipe.render():
    print(variant.recipe.package.name, variant.recipe.package.version, variant.recipe.requirements.run)
