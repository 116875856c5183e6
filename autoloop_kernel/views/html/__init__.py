"""HTML that is complete in a saved notebook: pure functions, readable without styles and scripts."""
