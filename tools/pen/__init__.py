"""The `pen` command: reports, tables and waveforms of simulated runs, and bench tools."""
