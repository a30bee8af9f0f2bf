"""Seeded generators of bad input, one module per kind of input, and a runner that counts outcomes.

Each module has ``cases(seed, n)``; the same seed gives the same cases on every machine.
``python -m tests.faults --seed 1 --n 6000`` runs them; see ``--help`` for single classes and cases.
"""
