"""Where a student's code runs: the sandbox, its limits, the kernel in it, and what comes out."""
