"""What ``secateur`` alone says: a door for each of the three kinds of people who come."""

DOORS = """\
secateur prunes neural networks by solving a QUBO, with the solver you choose.

Prune a network, and see its speed and quality before and after:
  secateur demo
  secateur prune --network mymodel:build --task mytask:task --amount 36%
  Documentation: docs/tutorial/first.md

Compare solvers, those installed and yours, with intervals beside every number:
  secateur study new study.toml
  secateur study run study.toml && secateur study report study.toml
  Documentation: docs/tutorial/first-study.md

Add a solver, by one line of TOML or by a project that passes the kit at once:
  secateur backends new my-solver
  Documentation: docs/tutorial/first-solver.md

All commands: secateur --help    One of them: secateur solve --help
Completion in your shell: docs/how-to/complete-in-the-shell.md"""
"""At most a screen: 24 lines of 80 letters."""
