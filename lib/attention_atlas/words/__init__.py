"""What pages say of stored results, chosen from the numbers."""
