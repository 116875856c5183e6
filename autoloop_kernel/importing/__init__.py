"""Other people's work as arenas: an autoresearch checkout, a notebook, a training script."""
