"""How fast bakeoff is beside its peers: ``python -m benchmarks`` from the repository's root.

Everything is measured in one session on one machine, each peer in a process of its own with its
threads under control. See ``docs/benchmarks.md``.
"""
