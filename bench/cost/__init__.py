"""What Call Lake costs on AWS: calls counted in a run, times the prices of docs/prices.json."""
