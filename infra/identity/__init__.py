"""Who may use the books: users, passwords, tokens and sessions, and the codes that prove an address."""
