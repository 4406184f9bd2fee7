"""Models that strangers made: what is looked at before a library sees them."""
