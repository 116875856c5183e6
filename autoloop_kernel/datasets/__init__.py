"""Text for language-model arenas: fetched or read, cut into tokens, and written beside an arena."""
