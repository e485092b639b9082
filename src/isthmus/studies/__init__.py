"""The verbs of a study: fit every family, measure, compare, report."""
