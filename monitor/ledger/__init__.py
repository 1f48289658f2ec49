"""What happened, append-only: the only room that speaks SQL for the monitor."""
