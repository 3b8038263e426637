"""How fast Call Lake is where each request takes what it takes in AWS."""
