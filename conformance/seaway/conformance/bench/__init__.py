"""`seaway bench`: our layers and server beside their peers, in one run on one machine, as ratios.

Rules of this package:

- Nothing is timed alone. The contenders of a scenario take turns, round after round, and a ratio is made
  inside one round, where the machine was the same for both.
- What is measured runs in a process of its own, started by command line.
- Peers are imported only in those processes; one that is missing is named with the command that installs it.
- A report holds every sample. Tables and pages are computed from a report, never typed.

The way through: `works` says what is compared · `rounds` runs it · `report` keeps it · `table` and `page`
show it.
"""
