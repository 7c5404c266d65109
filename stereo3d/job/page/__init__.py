"""``OUTPUT.report.html``: what a night came to, as one page that asks nobody for anything."""
