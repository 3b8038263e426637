"""How well and how fast the worked speech engine hears: word error rate, speed, and what it makes of silence."""
