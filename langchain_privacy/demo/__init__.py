"""The main job on bundled documents, with everything that crosses shown."""
