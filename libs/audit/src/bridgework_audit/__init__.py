"""What an export holds and what is wrong with it; grade, credits, timeline, price."""
