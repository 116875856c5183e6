"""Claude as a researcher: it reads the ledger, edits a draft through tools, and proposes it with a hypothesis."""
