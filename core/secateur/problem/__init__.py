"""What is to be minimised, and what it may demand."""
