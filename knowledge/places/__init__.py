"""Where and when: opening hours of lines, of the service and of points."""
