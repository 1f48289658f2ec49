"""Evidence of failed calls: their pages, and how long they are kept."""
