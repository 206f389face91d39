"""The controller: one process per node that drains the journal, keeps the lake, and answers what workers ask of it."""
