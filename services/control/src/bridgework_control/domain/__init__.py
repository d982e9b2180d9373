"""Pure decisions of control: job states, gates, and which command follows which progress."""
