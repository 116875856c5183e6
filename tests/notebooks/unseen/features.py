"""Turns raw rows into what the classifier sees. Beside the arena, and the agent's to change."""

import numpy as np

SQUARES = False  # whether squares of the columns are added


def features(rows):
    """Take (n, 2) floats; return (n, k) floats, the last column constant."""
    columns = [rows]
    if SQUARES:
        columns.append(rows**2)
    columns.append(np.ones((len(rows), 1)))
    return np.concatenate(columns, axis=1)
