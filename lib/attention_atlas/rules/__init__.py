"""How stored results settle the papers' claims in words, a module for each subject."""
