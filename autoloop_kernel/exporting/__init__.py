"""The parts of an export: the inlined modules, the files beside it, the header, and its verification."""
