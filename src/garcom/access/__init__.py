"""Who may do what: identities, roles, tokens, limits. A worker decides by the access list, without a database."""
