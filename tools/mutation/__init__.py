"""Tests the tests: small faults put into the safety modules, one at a time, each of which some test has to see."""
