"""The one line of schema changes. Run by `porchlight db upgrade`; each revision has a part for each of the two table groups."""
