"""``tinyml-labs course``: its steps, its folder, its report."""
