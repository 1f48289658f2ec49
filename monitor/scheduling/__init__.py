"""What is owed and when: the rounds, the ready queue, one attempt at a time."""
