"""A walk through a site over plain HTTP, step by step, as `portal`, `api`, `report` and others make
it.

See `checks.web.steps.step_runner` for how a kind uses it.
"""
