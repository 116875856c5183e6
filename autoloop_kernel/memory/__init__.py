"""Where nothing is lost: the ledger (SQLite) holds the numbers, the lineage (git) the sources."""
