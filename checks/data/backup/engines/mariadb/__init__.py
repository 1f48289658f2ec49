"""MariaDB and MySQL: dumped in one transaction, restored and compared."""
