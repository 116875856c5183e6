"""Other people's logs of experiments: what they say, what contradicts itself, and which keeps are probably real."""
