"""What is to be built: shots, segments, black bars, cards, and what a person set for single shots. Pure."""
