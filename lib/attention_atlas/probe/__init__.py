"""The book's measurements on a causal language model of your own, streamed layer by layer."""
