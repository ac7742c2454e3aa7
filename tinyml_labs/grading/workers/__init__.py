"""Many submissions at once: processes of this machine, or dask's on several."""
