"""Words, units and seams that every other package stands on. A closed list of files; imports nothing of the house."""
