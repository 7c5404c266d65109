"""What one may ask before converting: the models, this machine, the shots of a film."""
