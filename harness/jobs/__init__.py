"""What is to be measured, executing it, and what came of it."""
