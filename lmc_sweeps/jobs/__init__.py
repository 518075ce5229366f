"""One job: its settings, its networks from the store or trained, its pairs, its record."""
