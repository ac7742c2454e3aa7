"""What students hand in: folders, notebooks, models and recordings, whatever is in them."""
