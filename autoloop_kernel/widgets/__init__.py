"""Live displays and controls in a notebook: what moves while a kernel lives; records are static and stay."""
