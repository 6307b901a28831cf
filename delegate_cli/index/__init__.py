"""The local index of a roster: its parts as vectors in FAISS, with what was fitted on them, on disk."""
