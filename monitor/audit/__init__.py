"""The morning round at 04:00, and what its report is gathered from."""
