"""TLS: certificates of doors, read again when they change; and how clients judge them."""
