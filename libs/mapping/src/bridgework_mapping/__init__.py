"""The mapping language: fields, transforms, comparators, schema plan."""
