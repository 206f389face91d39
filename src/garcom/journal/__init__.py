"""The journal: every prediction is on disk before its answer leaves."""
