"""What monitoring found, for people and pipelines: a page, JUnit XML, checks, and a verdict in words."""
