"""What the pages of reports share: how numbers are written, their style, and the parts of their drawings."""
