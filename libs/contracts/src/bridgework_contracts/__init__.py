"""The language every service speaks: topics, envelopes, commands, records, writes, outcomes."""
