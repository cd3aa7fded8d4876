"""When a network counts as having learned its task, and a token as a sink, on the pages on catch, tag and release."""

LEARNED = 0.01  # ours: loss, as a share of what the best constant answer loses, below which the task is learned
SINK = 0.2  # Zhang et al. 2025: mean attention, of all queries that see a token, above which it is a sink
