"""Where backups lie: repository, manifest, archive files, copies elsewhere, retention."""
