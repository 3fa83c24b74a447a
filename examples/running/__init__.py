"""Running a notebook without a browser: following, settling, comparing."""
