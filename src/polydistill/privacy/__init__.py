"""What must not be shown, or only masked: keys, hidden characters, personal data."""
