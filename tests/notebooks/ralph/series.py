def largest(x):
    """The largest number in x."""
    return x  # TODO


def total(x):
    """The sum of x."""
    return x  # TODO
