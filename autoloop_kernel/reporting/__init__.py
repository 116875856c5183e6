"""What a morning report holds: gathered once from an arena's memory, carried as data, and read again from it."""
