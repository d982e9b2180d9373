"""The `bridgework` command: CLI over the job API, and all services in one process."""
