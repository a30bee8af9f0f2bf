"""What the program needs of the machine: environment, files, memory. Knows no job."""
