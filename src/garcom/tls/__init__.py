"""TLS: the files that a server is given or makes for itself, contexts that follow them, and who a certificate names."""
