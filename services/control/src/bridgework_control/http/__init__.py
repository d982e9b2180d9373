"""The job API: HTTP in, commands and rows out."""
