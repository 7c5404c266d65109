"""A job is one film: its survey, its plan, its segments under their keys, and the final join."""
