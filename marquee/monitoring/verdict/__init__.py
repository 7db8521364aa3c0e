"""What to do about it, told in numbers, pictures and one page."""
