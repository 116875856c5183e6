"""The commands of `autoloop`, by what they are for. Thin: they read the ledger, send commands, and hold no state."""
