"""Files as they come: found, downloaded, unpacked, read row by row; what a row may be, how that is said."""
