"""Amazon Transcribe: start a job for each stored recording, and see each one to its end (rule 30)."""
