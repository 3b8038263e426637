"""What ``call-lake erase`` asks, files and prints."""
