"""The trend query: language, plan, sources, run, results in files and in Python."""
