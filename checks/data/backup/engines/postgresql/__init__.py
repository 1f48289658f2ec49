"""PostgreSQL: dumped under one exported snapshot, restored and compared."""
