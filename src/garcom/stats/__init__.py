"""Pure numerics, one method per file, each compared with scipy, scikit-learn or river in its tests."""
