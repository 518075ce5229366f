"""The names that commands take: of the tables that every sweep has, which are those of their CSVs, and of formats of figures."""

FORMATS = ("pdf", "png", "svg", "pgf")  # of figures for papers
METRICS = ("loss_barrier", "error_barrier")  # that figures and pages show; the tables have more
TABLES = (
    "runs", "curves", "layers", "barrier_vs_width", "failures", "method_differences", "repair_differences",
    "direction_differences", "slopes", "width_needed", "connected_share", "matching_costs", "training_curves",
)  # fmt: skip
WHERE_MEASURED = ("training_curves",)  # tables that are written where they have rows, and else only if asked for by name
