"""Who proposes: the `Agent` protocol, the embedded search agent, and any command-line agent."""
