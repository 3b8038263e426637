"""What all benches share: peers' environments, measured processes, servers on loopback, tables."""
