"""What the platform costs, beside its peers and beside a plain copy of the same bytes: ``python -m benchmarks``."""
