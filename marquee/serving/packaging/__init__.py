"""Requirements checked, then the bundle and the Bento."""
