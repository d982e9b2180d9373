"""What stands where in an export: endings of table files, the manifest, folders of documents."""

TABLE_SUFFIXES = frozenset(
    {".csv", ".txt", ".tsv", ".tab", ".rep", ".xlsx", ".jsonl", ".ndjson", ".json"}
)
MANIFEST = "manifest"
DOCUMENTS = "documents"
DOCUMENT_FOLDERS = frozenset({DOCUMENTS, "docs"})
