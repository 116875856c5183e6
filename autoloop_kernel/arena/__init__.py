"""Arena notebooks: read, check and edit them by cell role; the hash of the game that they define."""
