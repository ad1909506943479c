"""What a person starts: from typed words to a use case."""
